"""Well-known networks in PyTorch, with the side of their pictures."""

import torch
from torch import nn
from torchvision import models


class UNet(nn.Module):
    """Ronneberger et al. 2015 with padded convolutions, batch normalization and transposed convolutions."""

    def __init__(self, width=16, classes=12, depth=4):
        super().__init__()
        widths = [width * 2**level for level in range(depth + 1)]
        self.down = nn.ModuleList(_double_conv(before, after) for before, after in zip([3, *widths], widths))
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * half, half, 2, 2) for half in reversed(widths[:-1]))
        self.merge = nn.ModuleList(_double_conv(2 * half, half) for half in reversed(widths[:-1]))
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, x):
        skips = []
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else self.pool(x))
            skips.append(x)
        for up, merge, skip in zip(self.up, self.merge, reversed(skips[:-1])):
            x = merge(torch.cat([skip, up(x)], 1))
        return self.head(x)


def _double_conv(before, after):
    layers = []
    for channels in (before, after):
        layers += [nn.Conv2d(channels, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers)


def mobilenet_v1():
    """Howard et al. 2017: a convolution, thirteen depthwise separable ones, a dense layer."""
    pairs = [(32, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1), (256, 512, 2), *[(512, 512, 1)] * 5]
    pairs += [(512, 1024, 2), (1024, 1024, 1)]
    layers = _unit(3, 32, kernel=3, stride=2)
    for before, after, stride in pairs:
        layers += _unit(before, before, kernel=3, stride=stride, groups=before) + _unit(before, after)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1024, 1000))


def _unit(before, after, kernel=1, stride=1, groups=1):
    conv = nn.Conv2d(before, after, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(after), nn.ReLU6()]


MODELS = {
    "resnet18": (models.resnet18, 224),
    "resnet50": (models.resnet50, 224),
    "mobilenet_v1": (mobilenet_v1, 224),
    "mobilenet_v2": (models.mobilenet_v2, 224),
    "mobilenet_v3_small": (models.mobilenet_v3_small, 224),
    "mobilenet_v3_large": (models.mobilenet_v3_large, 224),
    "efficientnet_b0": (models.efficientnet_b0, 224),
    "squeezenet1_1": (models.squeezenet1_1, 224),
    "densenet121": (models.densenet121, 224),
    "inception_v3": (lambda: models.inception_v3(aux_logits=False, init_weights=False), 299),
    "unet": (UNet, 64),
}
