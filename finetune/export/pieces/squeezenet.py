import torch
import torch.nn.functional as F
from torch import nn


class Fire(nn.Module):
    """A 1x1 convolution to few channels; then one of 1x1 and one of 3x3 give half of the channels
    each. Where the stride is 2 max pooling stands before it."""

    def __init__(self, inputs, squeezed, outputs, stride):
        super().__init__()
        self.stride = stride
        self.squeeze1x1 = nn.Conv2d(inputs, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, outputs // 2, 1)
        self.expand3x3 = nn.Conv2d(squeezed, outputs // 2, 3, padding=1)

    def forward(self, x):
        h = F.max_pool2d(x, 3, 2) if self.stride == 2 else x
        h = torch.relu(self.squeeze1x1(h))
        return torch.relu(torch.cat([self.expand1x1(h), self.expand3x3(h)], 1))


class SqueezeNet(nn.Module):
    """A stem, fires, the mean over the image, a linear head, which the original has as a 1x1
    convolution before the mean. Names are the original's, in Caffe."""

    def __init__(self):
        super().__init__()
        self.conv1 = SameConv(CHANNELS, STEM, 3, 2)
        self.fires, channels = [], STEM
        for squeezed, outputs, stride in FIRES:
            self.fires.append(f"fire{len(self.fires) + 2}")
            self.add_module(self.fires[-1], Fire(channels, squeezed, outputs, stride))
            channels = outputs
        self.dropout = nn.Dropout(DROPOUT)
        self.conv10 = nn.Linear(channels, OUTPUTS)

    def forward(self, x):
        x = torch.relu(self.conv1(x))
        for fire in self.fires:
            x = self.get_submodule(fire)(x)
        return self.conv10(self.dropout(x.mean((2, 3))))


def make_network():
    return SqueezeNet()
