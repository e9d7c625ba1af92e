"""Writes reference-counts.json: where NNCF for PyTorch puts quantizers into well-known models for a CPU.

python reference_counts.py FILE [MODEL ...]
"""

import json
import platform
import sys

from nncf_quantizers import compress, quantizers_of  # first: it sets how NNCF traces

import nncf
import torch
import torchvision
from well_known import MODELS


def count(build, size):
    config = {
        "input_info": {"sample_size": [1, 3, size, size]},
        "target_device": "CPU",
        "compression": {"algorithm": "quantization", "initializer": {"range": {"num_init_samples": 0}}},
    }
    controller, model = compress(build().eval(), config)
    found = quantizers_of(controller, model)
    weights = [place for quantizer in found if quantizer.is_weight for place in quantizer.places]
    activations = [quantizer for quantizer in found if not quantizer.is_weight]
    return {
        "weights": sum(quantizer.is_weight for quantizer in found),
        "activations": len(activations),
        "activationsPerChannel": sum(quantizer.module.per_channel for quantizer in activations),
        "weightNodes": weights,
        "activationNodes": ["  ".join(quantizer.places) for quantizer in activations],
    }


def _counts_so_far(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)["models"]


def main(path, only):
    counts = _counts_so_far(path) if only else {}
    for name, (build, size) in MODELS.items():
        if only and name not in only:
            continue
        counts[name] = count(build, size)
        print(name, counts[name]["weights"], counts[name]["activations"], flush=True)
    versions = {"nncf": nncf.__version__, "torch": torch.__version__, "torchvision": torchvision.__version__}
    report = {
        "what": "Quantizers of create_compressed_model with the algorithm quantization, target_device CPU, models in evaluation "
        "mode: how many there are, how many of those of activations have a scale per channel, the nodes whose weights they round, "
        "and the nodes whose results they round. 'node[in 1]' is the second operand of a node; several nodes in a line share a "
        "quantizer.",
        "versions": {**versions, "python": platform.python_version()},
        "models": {name: counts[name] for name in MODELS if name in counts},
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(report, file, indent=1)
        file.write("\n")


main(sys.argv[1], sys.argv[2:])
