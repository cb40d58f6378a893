#!/usr/bin/env python3
"""Gradual unfreezing of a pretrained image classifier with batch norm, in PyTorch.

    finetune/cases/get.sh efficientnet
    python finetune/cases/lessons/vision.py

EfficientNet-lite0, which knows the photographs of ImageNet, learns ten kinds of garments from 16 small grey pictures of each
(Fashion-MNIST, from the Debian package dataset-fashion-mnist). The head trains first; with each epoch the next lower group
thaws (Howard and Ruder 2018, ULMFiT). One run: the loss went from 2.397 to 0.140 (mean of the last ten updates), the accuracy
on the first 1,000 test pictures is 0.665.

In thaw: `thaw train` with model.from = "efficientnet", model.image_size = 96, data.samples_per_class = 16, the settings
below and --strategy gradual. Needs torch, safetensors, numpy and Pillow.
"""

import gzip
import pathlib
import random

import numpy
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file
from torch import nn

PRETRAINED = pathlib.Path(__file__).resolve().parents[1] / "efficientnet" / "model.safetensors"
DATA = pathlib.Path("/usr/share/datasets/fashion-mnist")
CLASSES, EXAMPLES, TEST, EPOCHS, BATCH = 10, 16, 1000, 12, 16
LR = 1e-3

# The groups from the bottom, where the picture goes in, to the top, and the modules of each.
GROUPS = {
    "stem": ["_conv_stem", "_bn0"],
    "stages.0": ["_blocks.0"],
    "stages.1": ["_blocks.1", "_blocks.2"],
    "stages.2": ["_blocks.3", "_blocks.4"],
    "stages.3": ["_blocks.5", "_blocks.6", "_blocks.7"],
    "stages.4": ["_blocks.8", "_blocks.9", "_blocks.10"],
    "stages.5": ["_blocks.11", "_blocks.12", "_blocks.13", "_blocks.14"],
    "stages.6": ["_blocks.15"],
    "conv_head": ["_conv_head", "_bn1"],
    "head": ["dropout", "_fc"],
}


# ---- the network, with the names of its weights' file


class SameConv(nn.Conv2d):
    """Without bias, for batch norm follows. Wrong: padding=kernel // 2. Where the size is even and the stride 2, that puts
    zeros on the left and the top; the network was pretrained in TensorFlow, with zeros on the right and the bottom."""

    def __init__(self, inputs, outputs, kernel=1, stride=1, groups=1):
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)

    def forward(self, x):
        padding = []
        for size in (x.shape[3], x.shape[2]):  # F.pad() begins with the last dimension
            outputs = -(-size // self.stride[0])
            zeros = max(0, (outputs - 1) * self.stride[0] + self.kernel_size[0] - size)
            padding += [zeros // 2, zeros - zeros // 2]
        return super().forward(F.pad(x, padding))


def batch_norm(channels):
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)  # TensorFlow's, not PyTorch's 1e-5 and 0.1


def relu6(x):
    return x.clamp(0, 6)


class Block(nn.Module):
    """A 1x1 convolution to more channels, one within each channel, a 1x1 convolution to fewer (Sandler et al. 2018)."""

    def __init__(self, inputs, outputs, kernel, stride, expansion):
        super().__init__()
        inside = inputs * expansion
        self.expands, self.adds_input = expansion != 1, stride == 1 and inputs == outputs
        if self.expands:
            self._expand_conv, self._bn0 = SameConv(inputs, inside), batch_norm(inside)
        self._depthwise_conv, self._bn1 = SameConv(inside, inside, kernel, stride, inside), batch_norm(inside)
        self._project_conv, self._bn2 = SameConv(inside, outputs), batch_norm(outputs)

    def forward(self, x):
        h = relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        h = self._bn2(self._project_conv(relu6(self._bn1(self._depthwise_conv(h)))))
        return h + x if self.adds_input else h


class EfficientNetLite(nn.Module):
    # Of each stage: channels, blocks, kernel, stride, expansion.
    STAGES = [(16, 1, 3, 1, 1), (24, 2, 3, 2, 6), (40, 2, 5, 2, 6), (80, 3, 3, 2, 6), (112, 3, 5, 1, 6),
              (192, 4, 5, 2, 6), (320, 1, 3, 1, 6)]

    def __init__(self, dropout):
        super().__init__()
        self._conv_stem, self._bn0 = SameConv(3, 32, 3, 2), batch_norm(32)
        blocks, channels = [], 32
        for outputs, depth, kernel, stride, expansion in self.STAGES:
            for i in range(depth):
                blocks.append(Block(channels, outputs, kernel, stride if i == 0 else 1, expansion))
                channels = outputs
        self._blocks = nn.ModuleList(blocks)
        self._conv_head, self._bn1 = SameConv(channels, 1280), batch_norm(1280)
        self.dropout = nn.Dropout(dropout)
        self._fc = nn.Linear(1280, CLASSES)

    def forward(self, x):
        x = relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        return self._fc(self.dropout(relu6(self._bn1(self._conv_head(x))).mean((2, 3))))


def make_model(dropout=0.2):
    """The pretrained network with a new head: the old one's rows are the classes of ImageNet."""
    model = EfficientNetLite(dropout)
    weights = {name: w for name, w in load_file(PRETRAINED).items() if not name.startswith("_fc.")}
    missing, unexpected = model.load_state_dict(weights, strict=False)
    assert not unexpected and missing == ["_fc.weight", "_fc.bias"]  # strict=False hides misspelt names
    return model


# ---- the technique


def group_of(name):
    """The group of a parameter or module."""
    for group, modules in GROUPS.items():
        if any(name == module or name.startswith(module + ".") for module in modules):
            return group


def set_modes(model, groups):
    """Wrong without it: model.train() lets the batch norm of frozen groups normalise by the batch's statistics and write
    them over the pretrained ones, as if every batch of 16 garments were ImageNet. The head then learns from features
    that an evaluation, by the running statistics, never shows it."""
    model.train()
    for name, module in model.named_modules():
        if isinstance(module, nn.BatchNorm2d) and group_of(name) not in groups:
            module.eval()


def train(model, pictures, targets, updates, updates_per_epoch):
    """`updates`: the rows of each. Returns the loss of each update, before it."""
    # ALL parameters: what is not in the optimizer never moves when it thaws. AdamW passes over those without a gradient,
    # and makes a parameter's moments and its count of updates with its first one.
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR)
    losses = []
    for done, rows in enumerate(updates):
        # The head, and one group more with each epoch. Backward ends at the lowest of them: the frozen groups below are a
        # forward pass, of which nothing is kept.
        groups = list(GROUPS)[-1 - min(done // updates_per_epoch, len(GROUPS) - 1) :]
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(group_of(name) in groups)
        set_modes(model, groups)
        loss = F.cross_entropy(model(torch.stack([pictures[row] for row in rows])), targets[rows])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)  # wrong: zeros, by which AdamW goes on
        losses.append(loss.item())
    return losses


# ---- the data


def read(part):
    """The bytes [N, 28, 28] of MNIST's format, and the classes."""
    images = gzip.decompress((DATA / f"{part}-images-idx3-ubyte.gz").read_bytes())[16:]
    labels = gzip.decompress((DATA / f"{part}-labels-idx1-ubyte.gz").read_bytes())[8:]
    return numpy.frombuffer(images, numpy.uint8).reshape(-1, 28, 28), torch.tensor(list(labels))


def see(image):
    """[3, 96, 96] as the network was pretrained: in colour, enlarged by the same filter, the middle of it, bytes to
    (byte - 127) / 128. Wrong: pixels from 0 to 1, or ImageNet's usual mean and deviation. It trains all the same, from a
    start that is worse."""
    picture = Image.fromarray(image).convert("RGB").resize((109, 109), Image.Resampling.BICUBIC)
    pixels = torch.tensor(numpy.asarray(picture.crop((6, 6, 102, 102)))).permute(2, 0, 1)
    return (pixels.float() - 127) / 128


def draw(targets, generator):
    """Rows to train on, EXAMPLES of each class."""
    return [row for c in range(CLASSES) for row in generator.sample((targets == c).nonzero().flatten().tolist(), EXAMPLES)]


@torch.no_grad()
def accuracy(model, images, targets):
    model.eval()
    parts = torch.arange(len(images)).split(50)
    right = [(model(torch.stack([see(images[i]) for i in part])).argmax(1) == targets[part]).sum() for part in parts]
    return sum(right).item() / len(images)


def main():
    images, targets = read("train")
    rows = draw(targets, random.Random(0))
    pictures = {row: see(images[row]) for row in rows}
    torch.manual_seed(0)
    updates = [[rows[i] for i in part] for _ in range(EPOCHS) for part in torch.randperm(len(rows)).split(BATCH)]
    model = make_model()
    losses = train(model, pictures, targets, updates, len(updates) // EPOCHS)
    score = accuracy(model, *(part[:TEST] for part in read("t10k")))
    print(f"loss {losses[0]:.3f} to {sum(losses[-10:]) / 10:.3f}, accuracy on {TEST} pictures {score:.3f}")


if __name__ == "__main__":
    main()
