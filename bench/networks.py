"""The networks that are measured, in PyTorch."""

from torch import nn


def lecture_cnn():
    """Three convolutions with pooling and two dense layers."""

    def block(channels, filters):
        return [nn.Conv2d(channels, filters, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]

    convolutions = [*block(3, 16), *block(16, 32), *block(32, 64)]
    return nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(30976, 128), nn.ReLU(), nn.Linear(128, 5))


def convolution(channels, filters, kernel=1, stride=1, groups=1, activation=True):
    parts = [
        nn.Conv2d(channels, filters, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(filters, eps=1e-3),
    ]
    return parts + [nn.ReLU6()] if activation else parts


class InvertedResidual(nn.Module):
    def __init__(self, channels, filters, stride, expansion):
        super().__init__()
        wide = channels * expansion
        self.expand = nn.Sequential(*convolution(channels, wide)) if expansion > 1 else nn.Identity()
        self.rest = nn.Sequential(
            *convolution(wide, wide, 3, stride, groups=wide), *convolution(wide, filters, activation=False)
        )
        self.residual = stride == 1 and channels == filters

    def forward(self, x):
        y = self.rest(self.expand(x))
        return x + y if self.residual else y


def mobilenet_v2():
    """The base, frozen and in inference mode, in parts that correspond to Keras' layers, under a head for 5 classes."""
    parts, channels = [nn.Sequential(*convolution(3, 32, 3, 2))], 32
    stages = [(16, 1, 1, 1), (24, 2, 6, 2), (32, 2, 6, 3), (64, 2, 6, 4), (96, 1, 6, 3), (160, 2, 6, 3), (320, 1, 6, 1)]
    for filters, stride, expansion, repeats in stages:
        for repeat in range(repeats):
            parts.append(InvertedResidual(channels, filters, stride if repeat == 0 else 1, expansion))
            channels = filters
    parts.append(nn.Sequential(*convolution(320, 1280)))
    base = nn.Sequential(*parts)
    base.requires_grad_(False).eval()
    return nn.Sequential(base, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 5))


def train_from_layer_100(model):
    """Sets the weights of MobileNetV2 to train that Keras' `base.layers[100:]` has."""
    parts = model[0]
    # Layer 100 is the activation after block 11's expansion.
    parts[12].rest.requires_grad_(True)
    for part in parts[13:]:
        part.requires_grad_(True)
