"""Writes ONNX files of networks that NNCF for PyTorch quantized, with random weights: the files that ours are compared with.

python nncf_export.py FOLDER NETWORK=SIDE ...
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "packages-private" / "parity" / "python"))

from nncf_quantizers import compress  # first: it sets how NNCF traces

import torch
from torch.utils.data import DataLoader, TensorDataset
from torchvision.models.detection import ssd300_vgg16
from well_known import MODELS

QUANTIZATION = {"algorithm": "quantization", "initializer": {"range": {"num_init_samples": 8}, "batchnorm_adaptation": {"num_bn_adaptation_samples": 0}}}


class SsdOutputs(torch.nn.Module):
    """torchvision's SSD300 up to its encodings and logits, without the selection of boxes."""

    def __init__(self):
        super().__init__()
        whole = ssd300_vgg16(weights=None, weights_backbone=None, num_classes=91)
        self.backbone = whole.backbone
        self.head = whole.head

    def forward(self, pictures):
        outputs = self.head(list(self.backbone(pictures).values()))
        return outputs["bbox_regression"], outputs["cls_logits"]


NETWORKS = {**{name: make for name, (make, _) in MODELS.items()}, "ssd300_vgg": SsdOutputs}


def export(folder, name, height, width):
    """Quantizes one network on noise and writes it."""
    torch.manual_seed(0)
    pictures = torch.randn(8, 3, height, width)
    config = {"input_info": {"sample_size": [1, 3, height, width]}, "target_device": "CPU", "compression": QUANTIZATION}
    loader = DataLoader(TensorDataset(pictures, torch.zeros(8, dtype=torch.long)), batch_size=1)
    controller, _ = compress(NETWORKS[name]().eval(), config, loader)
    controller.export_model(str(Path(folder) / f"{name}.nncf.onnx"))


def main(folder, wishes):
    for wish in wishes:
        name, size = wish.split("=")
        height, width = (int(each) for each in size.split("x"))
        export(folder, name, height, width)
        print(name, flush=True)


main(sys.argv[1], sys.argv[2:])
