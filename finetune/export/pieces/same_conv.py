import torch.nn.functional as F
from torch import nn


class SameConv(nn.Conv2d):
    """As large an output as the input divided by the stride, rounded up. What usually goes wrong:
    padding=kernel // 2. Where the size is even and the stride 2, that puts zeros on the left and
    the top, but the network was pretrained with zeros on the right and the bottom."""

    def forward(self, x):
        padding = []
        for size in (x.shape[3], x.shape[2]):  # F.pad() begins with the last dimension
            outputs = -(-size // self.stride[0])
            zeros = max(0, (outputs - 1) * self.stride[0] + self.kernel_size[0] - size)
            padding += [zeros // 2, zeros - zeros // 2]
        return super().forward(F.pad(x, padding))
