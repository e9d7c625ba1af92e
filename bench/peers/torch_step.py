"""Training steps in PyTorch and NNCF for PyTorch, one at a time on demand.

Reads a first line {"network", "batch", "methods": ["fp32", "int8", "int8+rb"], "threads"} and then a method's name a line; answers each with the
milliseconds that one step took, and the line "memory" with the peak of its memory in megabytes. An empty line ends it.
"""

import json
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "packages-private" / "parity" / "python"))

import nncf_quantizers  # noqa: F401  (first: it sets how NNCF traces and compiles)

import nncf
import torch
import torchvision
from networks import NETWORKS
from nncf import NNCFConfig
from nncf.torch import create_compressed_model, register_default_init_args
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset
from well_known import UNet

QUANTIZATION = {"algorithm": "quantization", "initializer": {"range": {"num_init_samples": 64}, "batchnorm_adaptation": {"num_bn_adaptation_samples": 0}}}
RB = {"algorithm": "rb_sparsity", "sparsity_init": 0.5}
SECTIONS = {"int8": [QUANTIZATION], "int8+rb": [RB, QUANTIZATION]}


def resnet18():
    net = torchvision.models.resnet18(num_classes=10)
    net.conv1 = torch.nn.Conv2d(3, 64, 3, 1, 1, bias=False)
    net.maxpool = torch.nn.Identity()
    return net


PEERS = {**NETWORKS, "resnet18": resnet18, "unet": UNet}
# A quarter of CamVid's pictures for UNet, CIFAR's for the others.
PICTURES = {"unet": (176, 240)}
CLASSES = {"unet": 12}


def noise(network, batch):
    """Pictures and labels, for UNet one label for every pixel."""
    size = PICTURES.get(network, (32, 32))
    places = size if network == "unet" else ()
    return torch.randn(batch, 3, *size), torch.randint(0, CLASSES.get(network, 10), (batch, *places))


class Candidate:
    """One network with its optimizer under one method."""

    def __init__(self, network, method, images, labels):
        net = PEERS[network]()
        self.controller = None
        if method != "fp32":
            config = NNCFConfig.from_dict({"input_info": {"sample_size": list(images.shape)}, "compression": SECTIONS[method]})
            loader = DataLoader(TensorDataset(images, labels), batch_size=len(images))
            config = register_default_init_args(config, loader)
            self.controller, net = create_compressed_model(net, config, dump_graphs=False)
        # NNCF's RB sparsity takes weights in PyTorch's usual order only.
        layout = torch.contiguous_format if "rb" in method else torch.channels_last
        self.net = net.train().to(memory_format=layout)
        self.optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
        self.batch = (images.to(memory_format=layout), labels)

    def step(self):
        start = time.perf_counter()
        images, labels = self.batch
        loss = functional.cross_entropy(self.net(images), labels)
        if self.controller is not None:
            loss = loss + self.controller.loss()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        if self.controller is not None:
            self.controller.scheduler.step()
        return (time.perf_counter() - start) * 1000


def peak_memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def main():
    # What NNCF prints would be taken for answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    job = json.loads(sys.stdin.readline())
    torch.set_num_threads(job["threads"])
    torch.manual_seed(0)
    images, labels = noise(job["network"], job["batch"])
    candidates = {method: Candidate(job["network"], method, images, labels) for method in job["methods"]}
    print(f"PyTorch {torch.__version__.split('+')[0]}, NNCF {nncf.__version__}", file=answers, flush=True)
    for line in sys.stdin:
        wish = line.strip()
        if wish == "":
            break
        print(peak_memory() if wish == "memory" else candidates[wish].step(), file=answers, flush=True)


main()
