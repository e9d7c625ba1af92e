"""The networks of src/networks.ts in PyTorch, under the same layer names."""

import torch
from torch import nn
from torch.nn import functional


def module_name(layer):
    """The layer's name as PyTorch lets it be: dots mean nesting there, and some names are methods."""
    return "of_" + layer.replace(".", "__")


def layer_name(module):
    """The inverse of `module_name`."""
    return module.removeprefix("of_").replace("__", ".")


class Network(nn.Module):
    """Layers by name, each reading results of layers before."""

    def __init__(self):
        super().__init__()
        self.steps = []

    def add(self, name, layer, *inputs):
        """Appends a layer."""
        self.add_module(module_name(name), layer)
        self.steps.append((name, inputs))
        return name

    def conv(self, x, name, channels, filters, kernel=3, stride=1, bias=False):
        padding = (kernel - 1) // 2
        return self.add(name, nn.Conv2d(channels, filters, kernel, stride, padding, bias=bias), x)

    def depthwise(self, x, name, channels, stride):
        return self.add(name, nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False), x)

    def norm(self, x, name, channels):
        return self.add(name, nn.BatchNorm2d(channels, eps=1e-5, momentum=0.1), x)

    def forward(self, x):
        values = {"input": x}
        for name, inputs in self.steps:
            values[name] = getattr(self, module_name(name))(*(values[each] for each in inputs))
        return values[self.steps[-1][0]]


class Add(nn.Module):
    def forward(self, a, b):
        return a + b


class MeanOfPositions(nn.Module):
    def forward(self, x):
        return torch.flatten(functional.adaptive_avg_pool2d(x, 1), 1)


class ChannelPad(nn.Module):
    def __init__(self, before, after):
        super().__init__()
        self.padding = (0, 0, 0, 0, before, after)

    def forward(self, x):
        return functional.pad(x, self.padding)


def small():
    net = Network()
    x = net.add("relu1", nn.ReLU(), net.conv("input", "conv1", 3, 8, bias=True))
    x = net.norm(net.depthwise(x, "depthwise", 8, 2), "depthwise.bn", 8)
    x = net.add("depthwise.relu6", nn.ReLU6(), x)
    x = net.norm(net.conv(x, "pointwise", 8, 16, 1), "pointwise.bn", 16)
    y = net.norm(net.conv(x, "conv2", 16, 16), "conv2.bn", 16)
    y = net.add("add", Add(), net.add("relu2", nn.ReLU(), y), x)
    y = net.add("avgpool", MeanOfPositions(), net.add("relu3", nn.ReLU(), y))
    net.add("linear", nn.Linear(16, 5), y)
    return net


def resnet20():
    net = Network()
    channels = 16
    x = net.norm(net.conv("input", "conv1", 3, channels), "bn1", channels)
    x = net.add("relu1", nn.ReLU(), x)
    for stage, filters in enumerate((16, 32, 64)):
        for block in range(3):
            x = _basic_block(net, x, f"layer{stage + 1}.{block}", channels, filters)
            channels = filters
    net.add("linear", nn.Linear(channels, 10), net.add("avgpool", MeanOfPositions(), x))
    return net


def _basic_block(net, x, name, channels, filters):
    stride = 1 if channels == filters else 2
    y = net.norm(net.conv(x, f"{name}.conv1", channels, filters, stride=stride), f"{name}.bn1", filters)
    y = net.add(f"{name}.relu1", nn.ReLU(), y)
    y = net.norm(net.conv(y, f"{name}.conv2", filters, filters), f"{name}.bn2", filters)
    if stride > 1:
        half = (filters - channels) // 2
        x = net.add(f"{name}.shortcut.subsample", nn.MaxPool2d(1, stride), x)
        x = net.add(f"{name}.shortcut.pad", ChannelPad(half, half), x)
    return net.add(f"{name}.relu2", nn.ReLU(), net.add(f"{name}.add", Add(), y, x))


# Expansion, channels, blocks, stride: table 2 of Sandler et al. 2018, with stride 1 in the second row for 32 x 32 pixels.
_STAGES = [(1, 16, 1, 1), (6, 24, 2, 1), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]


def mobilenet_v2(width=0.5):
    net = Network()
    channels = _divisible(32 * width)
    x = _unit(net, net.conv("input", "stem", 3, channels), "stem", channels)
    index = 0
    for expansion, base, blocks, stride in _STAGES:
        filters = _divisible(base * width)
        for block in range(blocks):
            shape = (channels, channels * expansion, filters, stride if block == 0 else 1)
            x = _inverted_residual(net, x, f"block{index}", *shape)
            channels = filters
            index += 1
    x = _unit(net, net.conv(x, "head", channels, 1280, 1), "head", 1280)
    net.add("classifier", nn.Linear(1280, 10), net.add("avgpool", MeanOfPositions(), x))
    return net


def _inverted_residual(net, x, name, channels, hidden, filters, stride):
    y = x
    if hidden != channels:
        y = _unit(net, net.conv(y, f"{name}.expand", channels, hidden, 1), f"{name}.expand", hidden)
    y = _unit(net, net.depthwise(y, f"{name}.depthwise", hidden, stride), f"{name}.depthwise", hidden)
    y = net.norm(net.conv(y, f"{name}.project", hidden, filters, 1), f"{name}.project.bn", filters)
    return net.add(f"{name}.add", Add(), x, y) if stride == 1 and channels == filters else y


def _unit(net, x, name, channels):
    return net.add(f"{name}.relu6", nn.ReLU6(), net.norm(x, f"{name}.bn", channels))


def _divisible(channels):
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


NETWORKS = {"small": small, "resnet20": resnet20, "mobilenet_v2": mobilenet_v2}
