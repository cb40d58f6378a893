import torch
from torch import nn


class Block(nn.Module):
    """y = relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x))"""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        # No biases: the batch norm behind a convolution would take them away again.
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )
        else:
            self.downsample = nn.Identity()

    def forward(self, x):
        h = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(h)) + self.downsample(x))


class Cnn(nn.Module):
    """A stem, residual blocks that halve the image and double the channels, the mean over the
    image, a linear head."""

    def __init__(self):
        super().__init__()
        conv = nn.Conv2d(CHANNELS, WIDTH, 3, padding=1, bias=False)
        self.stem = nn.ModuleDict({"conv": conv, "bn": nn.BatchNorm2d(WIDTH)})
        widths = [WIDTH] + [WIDTH << i for i in range(DEPTH)]
        self.layers = nn.ModuleList(
            Block(widths[i], widths[i + 1], stride=1 if i == 0 else 2) for i in range(DEPTH)
        )
        self.dropout = nn.Dropout(DROPOUT)
        self.head = nn.Linear(widths[-1], OUTPUTS)

    def forward(self, x):
        x = torch.relu(self.stem["bn"](self.stem["conv"](x)))
        for block in self.layers:
            x = block(x)
        return self.head(self.dropout(x.mean((2, 3))))


def make_network():
    return Cnn()
