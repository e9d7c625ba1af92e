"""Writes random weights of a network of torchvision as safetensors and prints what it gives for a picture of sines.

Arguments: name of the network, file. Batch normalization gets random statistics, so that nothing is the identity.
"""

import json
import struct
import sys

import numpy as np
import torch
import torchvision

SIZES = {"inception_v3": 139, "vgg16_bn": 224}


def save(state, path):
    """The safetensors format in a few lines: the length of the header, the header, the bytes."""
    header, blobs, at = {}, [], 0
    for name, tensor in state.items():
        data = tensor.numpy()
        kind = {"float32": "F32", "int64": "I64"}[str(data.dtype)]
        blob = data.tobytes()
        header[name] = {"dtype": kind, "shape": list(data.shape), "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def main(name, path):
    torch.manual_seed(3)
    torch.set_num_threads(1)
    extra = {"init_weights": False} if name == "inception_v3" else {}
    model = getattr(torchvision.models, name)(num_classes=10, **extra).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.8, 1.2)
            torch.nn.init.uniform_(module.bias, -0.2, 0.2)
            torch.nn.init.uniform_(module.running_mean, -0.2, 0.2)
            torch.nn.init.uniform_(module.running_var, 0.8, 1.2)
    save(model.state_dict(), path)
    size = SIZES.get(name, 96)
    picture = np.sin(0.05 * np.arange(size * size * 3)).astype(np.float32).reshape(1, size, size, 3)
    with torch.no_grad():
        output = model(torch.from_numpy(picture.transpose(0, 3, 1, 2).copy()))
    print(json.dumps({"size": size, "output": output[0].tolist()}))


main(*sys.argv[1:])
