"""Runs NNCF's half of the comparison: for every case of FOLDER/cases.json reads NAME.in.safetensors and writes NAME.out.safetensors.

python reference.py FOLDER

Tensors go in and out as TensorFlow.js lays them out: pictures and activations NHWC, filters HWIO, depthwise filters HWCM, dense weights [in, out].
What is written is described in src/figures.ts.
"""

import json
import platform
import re
import sys
from pathlib import Path

from nncf_quantizers import compress, quantizers_of  # first: it sets how NNCF traces

import nncf
import torch
from networks import NETWORKS, layer_name, module_name
from nncf.torch.quantization.layers import SymmetricQuantizer
from nncf.torch.quantization.quantize_functions import TuneRange
from safetensors.torch import load_file, save_file
from torch.utils.data import DataLoader, TensorDataset


class Case:
    """One network under one configuration."""

    def __init__(self, given, tensors):
        self.given = given
        net = NETWORKS[given["network"]]()
        self.weights = {name: _load(net, name, tensors[name]) for name in tensors if name not in ("images", "labels")}
        images, labels = _to_torch(tensors["images"]), tensors["labels"].long()
        loader = DataLoader(TensorDataset(images, labels), batch_size=given["batch"])
        self.batch = (images[: given["batch"]], labels[: given["batch"]])
        controller, self.model = compress(net, given["config"], loader)
        found = quantizers_of(controller, self.model)
        # In the order of their names, by which ties are numbered.
        self.quantizers = dict(sorted((_key(each), each.module) for each in found))
        self.out = {}
        # Norms of what flows back into the quantizers.
        self.upstream = {}

    def run(self):
        for key, quantizer in self.quantizers.items():
            self._put_ranges(key, quantizer)
        self.model.train()
        self._train()
        return self.out

    def _put_ranges(self, key, quantizer):
        for name, value in quantizer.get_trainable_params().items():
            self.out[f"ranges/{key}/{name}"] = value.detach().reshape(-1).clone()
        if isinstance(quantizer, SymmetricQuantizer):
            self.out[f"signed/{key}"] = torch.tensor([float(quantizer.signed)])

    def _train(self):
        """Steps of stochastic gradient descent on one batch, quantizers trained like weights; the first is looked at closely."""
        optimizer = torch.optim.SGD([p for p in self.model.parameters() if p.requires_grad], lr=self.given["learningRate"])
        losses = []
        for step in range(self.given["steps"]):
            seen, loss = self._watched_loss()
            losses.append(loss.item())
            self.out[f"ties/{step}"] = self._ties(seen, step == 0)
            if step == 0:
                self._put_first(seen)
            optimizer.step()
        self.out["loss"] = torch.tensor(losses)

    def _watched_loss(self):
        """What every quantizer got and gave, and the loss whose gradients the parameters now have."""
        seen = {}

        def watch(key):
            def hook(_, inputs, output):
                seen[key] = (inputs[0].detach(), output.detach())
                if output.requires_grad:
                    output.register_hook(lambda gradient: self.upstream.__setitem__(key, gradient.norm().reshape(1)))

            return hook

        hooks = [quantizer.register_forward_hook(watch(key)) for key, quantizer in self.quantizers.items()]
        self.model.zero_grad()
        images, labels = self.batch
        loss = torch.nn.functional.cross_entropy(self.model(images), labels)
        loss.backward()
        for hook in hooks:
            hook.remove()
        return seen, loss

    def _put_first(self, seen):
        for key, (x, y) in seen.items():
            self.out[f"input/{key}"], self.out[f"output/{key}"] = self._to_given(key, x), self._to_given(key, y)
            self.out[f"upstream/{key}"] = self.upstream[key]
        for name, weight in self.weights.items():
            if weight.requires_grad:
                self.out[f"gradient/{name}"] = _to_given(weight.grad, name)
        for key, quantizer in self.quantizers.items():
            for name in quantizer.get_trainable_params():
                stored = getattr(quantizer, f"_{name}_param_storage", None)
                parameter = getattr(quantizer, name) if stored is None else stored
                self.out[f"gradient/{key}/{name}"] = parameter.grad.reshape(-1).clone()

    def _ties(self, seen, is_first):
        """Decisions that the last bits make, see ties.ts: numbers of values, four times, plus 2 at an end of the range, plus the decision."""
        found, offset = [], 0
        for key, quantizer in self.quantizers.items():
            x, y = seen[key]
            for kind, masks in enumerate((self._midpoints(quantizer, x, y), self._ends(quantizer, x, is_first))):
                near, decision = (self._to_given(key, mask).flatten() for mask in masks)
                at = near.nonzero().flatten()
                found.append(4 * (offset + at) + 2 * kind + decision[at])
            offset += x.numel()
        return torch.cat(found).sort().values.int()

    @torch.no_grad()
    def _midpoints(self, quantizer, x, y):
        """Values near midpoints, and values that were rounded up."""
        place, low, step = _places(quantizer, x)
        below = place.floor()
        near = (place - below - 0.5).abs() < self.given["margin"]
        inside = (place > 0) & (place < quantizer.levels - 1)
        return near & inside, ((y.double() - low) / step).round() > below

    @torch.no_grad()
    def _ends(self, quantizer, x, is_first):
        """Values near an end of the range, and values beyond it. Equal bits in the first step are no tie, nor is a zero."""
        low, width = _range(quantizer)
        reach = torch.minimum(self.given["endMargin"] * width / (quantizer.levels - 1), 1e-3 * x.abs())
        from_end = torch.minimum((x - low).abs(), (x - (low + width)).abs())
        equal = (from_end == 0) & is_first
        return (from_end < reach) & ~equal, (x < low) | (x > low + width)

    def _to_given(self, key, tensor):
        return _to_given(tensor, key if key in self.weights else None)


def _range(quantizer):
    """Lowest value and width as the quantizer's operation gets them, to the bit."""
    if isinstance(quantizer, SymmetricQuantizer):
        scale = quantizer.scale.abs() + quantizer.eps
        low = scale * (quantizer.level_low / quantizer.level_high)
        return low, scale - low
    return TuneRange.apply(quantizer.input_low, quantizer.input_range.abs() + quantizer.eps, quantizer.levels)


def _places(quantizer, x):
    """Values in steps above the lowest level, and that level and the step."""
    low, width = (each.double() for each in _range(quantizer))
    step = width / (quantizer.levels - 1)
    return (x.double() - low) / step, low, step


_ATTRIBUTES = {"kernel": "weight", "gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}


def _load(net, name, given):
    """The parameter or buffer of that name, with its given values."""
    layer, _, role = name.rpartition(".")
    target = getattr(getattr(net, module_name(layer)), _ATTRIBUTES.get(role, role))
    value = _to_torch(given, name)
    assert value.shape == target.shape, (name, value.shape, target.shape)
    target.data.copy_(value)
    return target


def _axes(rank, name):
    """How PyTorch's axes follow from the given ones."""
    if name is not None and name.endswith("depthwise.kernel"):
        return (2, 3, 0, 1)
    if name is not None and rank == 4:
        return (3, 2, 0, 1)
    return {4: (0, 3, 1, 2), 2: (1, 0) if name is not None else (0, 1)}.get(rank, tuple(range(rank)))


def _to_torch(tensor, name=None):
    return tensor.permute(_axes(tensor.dim(), name)).contiguous()


def _to_given(tensor, name=None):
    axes = _axes(tensor.dim(), name)
    return tensor.permute([axes.index(axis) for axis in range(len(axes))]).contiguous().clone()


def _key(quantizer):
    """Name of the quantizer: that of the weights, or of the layer whose result it rounds."""
    [source] = quantizer.sources
    if "nncf_model_input" in source:
        return "input"
    layer = layer_name(re.findall(r"\[(.+?)\]", source)[-1])
    return f"{layer}.kernel" if quantizer.is_weight else layer


def main(folder):
    versions = {"nncf": nncf.__version__, "torch": torch.__version__, "python": platform.python_version()}
    (folder / "versions.json").write_text(json.dumps(versions))
    for given in json.loads((folder / "cases.json").read_text()):
        out = Case(given, load_file(folder / f"{given['name']}.in.safetensors")).run()
        save_file(out, folder / f"{given['name']}.out.safetensors")
        print(f"NNCF for PyTorch: {given['name']}, loss {out['loss'][0]:.4f} to {out['loss'][-1]:.4f}", flush=True)


main(Path(sys.argv[1]))
