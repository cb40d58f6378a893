"""The training steps of bench/training.h in PyTorch eager: same models, names, starting weights and batches."""

import torch
from torch import nn
from torch.nn import functional as F

LEARNING_RATE = 3e-4


class Mlp(nn.Module):
    """thaw's mlp: layers.N with ReLU, and a head."""

    def __init__(self, features, hidden, classes):
        super().__init__()
        sizes = [features, *hidden]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        self.head = nn.Linear(sizes[-1], classes)

    def forward(self, x):
        for layer in self.layers:
            x = F.relu(layer(x))
        return self.head(x)

    def groups(self):
        return [*self.layers, self.head]


class Block(nn.Module):
    def __init__(self, channels, out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.downsample = None
        if stride != 1 or channels != out:
            self.downsample = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        h = self.bn2(self.conv2(h))
        return F.relu(h + (x if self.downsample is None else self.downsample(x)))


class Cnn(nn.Module):
    """thaw's cnn: a stem, residual blocks that halve the image and double the channels, pooling, a head."""

    def __init__(self, width, depth, classes):
        super().__init__()
        self.stem = nn.Module()
        self.stem.conv = nn.Conv2d(1, width, 3, 1, 1, bias=False)
        self.stem.bn = nn.BatchNorm2d(width)
        channels = [width] + [width << i for i in range(depth)]
        self.layers = nn.ModuleList(
            Block(a, b, 1 if i == 0 else 2) for i, (a, b) in enumerate(zip(channels, channels[1:]))
        )
        self.head = nn.Linear(channels[-1], classes)

    def forward(self, x):
        x = F.relu(self.stem.bn(self.stem.conv(x)))
        for block in self.layers:
            x = block(x)
        return self.head(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))

    def groups(self):
        return [self.stem, *self.layers, self.head]


MODELS = {
    "mlp": lambda: Mlp(784, [256, 128], 10),
    "mlp-small": lambda: Mlp(64, [64, 32], 10),
    "cnn": lambda: Cnn(16, 3, 10),
    "cnn-small": lambda: Cnn(8, 3, 10),
}


def freeze(model, strategy):
    """Freezes as thaw's strategies do: a batch norm in a frozen group normalises by its running statistics."""
    groups = model.groups()
    trainable = {"full": len(groups), "head": 1, "top-1": 2}[strategy]
    for group in groups[: len(groups) - trainable]:
        group.requires_grad_(False)
        group.eval()


class Training:
    """A model under a strategy, from what `bench_step --export` wrote; `fused`: AdamW as one kernel."""

    def __init__(self, case, strategy, state, fused):
        self.model = MODELS[case]()
        weights = {name: t for name, t in state.items() if not name.startswith("batch.")}
        self.model.load_state_dict(weights, strict=True)
        self.model.train()
        freeze(self.model, strategy)
        count = sum(name.startswith("batch.") for name in state) // 2
        self.batches = [(state[f"batch.{i}.x"].clone(), state[f"batch.{i}.y"].clone()) for i in range(count)]
        options = {"fused": True} if fused else {}
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=LEARNING_RATE, **options)
        self.next = 0

    def step(self):
        """One update; the mean loss before it."""
        x, y = self.batches[self.next % len(self.batches)]
        self.next += 1
        loss = F.cross_entropy(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.item()


class Chain:
    """Forward and backward of 100 multiplications and additions on 4 elements; `both`: two gradients an op."""

    OPS = 100

    def __init__(self, both):
        self.x = torch.ones(4, requires_grad=True)
        self.scale = torch.full((4,), 0.99, requires_grad=both)
        self.shift = torch.full((4,), 0.01, requires_grad=both)
        self.dy = torch.ones(4)

    def step(self):
        for leaf in (self.x, self.scale, self.shift):
            leaf.grad = None
        y = self.x
        for _ in range(self.OPS // 2):
            y = y * self.scale + self.shift
        y.backward(self.dy)
        return 0.0
