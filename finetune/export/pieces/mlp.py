import torch
from torch import nn


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        sizes = [INPUTS, *HIDDEN]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        self.dropouts = nn.ModuleList(nn.Dropout(DROPOUT) for _ in HIDDEN)
        self.head = nn.Linear(sizes[-1], OUTPUTS)

    def forward(self, x):
        x = x.flatten(1)
        for layer, dropout in zip(self.layers, self.dropouts):
            x = dropout(ACTIVATION(layer(x)))
        return self.head(x)


def make_network():
    return Mlp()
