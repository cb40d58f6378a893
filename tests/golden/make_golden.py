#!/usr/bin/env python3
"""Writes the reference files that the golden tests replay, from PyTorch on the CPU.

    pip install torch==2.* numpy safetensors
    python tests/golden/make_golden.py

PyTorch's version is in each file's metadata. Everything is seeded; another version of PyTorch may change the last
bits. Tensor names: `<case>.p.<parameter>`, `<case>.x.<input>`, `<case>.y` (the output), `<case>.dy` (what backward
starts from), `<case>.g.<parameter or input>` (gradients), `<case>.after.<buffer>`.
"""

import csv
import fnmatch
import math
import pathlib

import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import save_file

FOLDER = pathlib.Path(__file__).resolve().parent


def save(name, tensors):
    contiguous = {key: value.detach().clone().contiguous() for key, value in tensors.items()}
    save_file(contiguous, FOLDER / name, metadata={"torch": torch.__version__.split("+")[0]})
    (FOLDER / name).chmod(0o644)


# -- layers, functions and losses --------------------------------------------------------------------------------


class LayerFile:
    def __init__(self):
        self.tensors = {}
        self.generator = torch.Generator().manual_seed(0)

    def normal(self, *shape):
        return torch.randn(shape, generator=self.generator)

    def add(self, case, function, inputs, module=None, frozen=()):
        """Forward, and backward from a random dy, of function(**inputs)."""
        inputs = {name: x.clone() for name, x in inputs.items()}
        leaves = {name: x for name, x in inputs.items() if x.is_floating_point()}
        if module is not None:
            for name, parameter in module.named_parameters():
                if "weight" not in name or parameter.dim() == 1:  # norms start at 1 and 0: nothing to see there
                    with torch.no_grad():
                        parameter.add_(0.5 * self.normal(*parameter.shape))
                leaves[name] = parameter
                self.tensors[f"{case}.p.{name}"] = parameter
            for name, buffer in module.named_buffers():
                self.tensors[f"{case}.p.{name}"] = buffer.clone()
        for name, leaf in leaves.items():
            leaf.requires_grad_(name not in frozen)
        self.tensors.update({f"{case}.x.{name}": x for name, x in inputs.items()})
        y = function(**inputs)
        dy = self.normal(*y.shape)
        y.backward(dy)
        self.tensors[f"{case}.y"] = y
        self.tensors[f"{case}.dy"] = dy
        for name, leaf in leaves.items():
            if leaf.grad is not None:
                self.tensors[f"{case}.g.{name}"] = leaf.grad
        if module is not None:
            self.tensors.update({f"{case}.after.{name}": buffer for name, buffer in module.named_buffers()})


class Attention(nn.Module):
    """Scaled dot-product attention of separate projections (Vaswani et al. 2017, eq. 1)."""

    def __init__(self, size, heads):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.output = (nn.Linear(size, size) for _ in range(4))

    def forward(self, query, key, value, mask=None):
        def split(x):
            return x.view(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)

        q, k, v = split(self.query(query)), split(self.key(key)), split(self.value(value))
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
        if mask is not None:
            scores = scores.masked_fill(~mask, -math.inf)
        heads = torch.softmax(scores, -1) @ v
        return self.output(heads.transpose(1, 2).reshape(query.shape))


def add_modules(file):
    normal = file.normal
    torch.manual_seed(1)

    def add(case, module, *shape, **options):
        file.add(case, lambda x: module(x), {"x": normal(*shape)}, module, **options)

    add("linear", nn.Linear(5, 6), 4, 3, 5)
    add("linear_no_bias", nn.Linear(5, 6, bias=False), 4, 5)
    add("conv1d", nn.Conv1d(3, 4, 3), 2, 3, 9)
    add("conv1d_stride_padding", nn.Conv1d(3, 4, 3, stride=2, padding=1), 2, 3, 9)
    add("conv1d_dilation_groups", nn.Conv1d(4, 6, 3, padding=2, dilation=2, groups=2, bias=False), 2, 4, 9)
    add("conv2d", nn.Conv2d(3, 4, 3), 2, 3, 6, 7)
    add("conv2d_stride_padding", nn.Conv2d(3, 4, 3, stride=2, padding=1, bias=False), 2, 3, 7, 6)
    add("conv2d_dilation_groups", nn.Conv2d(4, 6, 3, padding=2, dilation=2, groups=2), 2, 4, 6, 7)
    add("conv2d_depthwise", nn.Conv2d(4, 4, 3, padding=1, groups=4), 2, 4, 5, 5)
    add("conv2d_pointwise_stride", nn.Conv2d(4, 6, 1, stride=2, bias=False), 2, 4, 6, 6)
    add("layer_norm", nn.LayerNorm(8), 2, 3, 8)
    add("rms_norm", nn.RMSNorm(8, eps=1e-6), 2, 3, 8)
    add("group_norm", nn.GroupNorm(2, 6), 2, 6, 3, 4)

    add("batch_norm_train", nn.BatchNorm2d(4), 3, 4, 3, 5)
    add("batch_norm_train_rows", nn.BatchNorm1d(4), 6, 4)

    def with_statistics(batch_norm):
        with torch.no_grad():
            batch_norm.running_mean.add_(0.3 * normal(4))
            batch_norm.running_var.mul_(normal(4).abs() + 0.5)
        return batch_norm.eval()

    add("batch_norm_eval", with_statistics(nn.BatchNorm2d(4)), 3, 4, 3, 5)
    add("batch_norm_frozen", with_statistics(nn.BatchNorm2d(4)), 3, 4, 3, 5, frozen=("weight", "bias"))

    ids = torch.tensor([[0, 3, 3], [6, 1, 3]])
    embedding = nn.Embedding(7, 4)
    file.add("embedding", lambda ids: embedding(ids), {"ids": ids}, embedding)

    attention = Attention(8, 2)
    file.add("attention", attention, {"query": normal(2, 3, 8), "key": normal(2, 5, 8), "value": normal(2, 5, 8)},
             attention)
    causal = Attention(8, 4)
    mask = torch.ones(4, 4).tril().bool()
    file.add("attention_causal", lambda x: causal(x, x, x, mask), {"x": normal(2, 4, 8)}, causal)


def add_functions(file):
    normal = file.normal

    def add(case, function, *shape):
        file.add(case, lambda x: function(x), {"x": 2 * normal(*shape)})

    add("relu", F.relu, 4, 7)
    add("gelu", F.gelu, 4, 7)
    add("gelu_tanh", lambda x: F.gelu(x, approximate="tanh"), 4, 7)
    add("silu", F.silu, 4, 7)
    add("sigmoid", torch.sigmoid, 4, 7)
    add("tanh", torch.tanh, 4, 7)
    add("softplus", F.softplus, 4, 7)
    add("softmax", lambda x: torch.softmax(x, -1), 4, 7)
    add("log_softmax", lambda x: torch.log_softmax(x, 1), 3, 7, 2)
    add("dropout_off", lambda x: F.dropout(x, 0.5, training=False), 4, 7)
    add("max_pool1d", lambda x: F.max_pool1d(x, 3, 2, 1), 2, 3, 9)
    add("avg_pool1d", lambda x: F.avg_pool1d(x, 3, 2), 2, 3, 9)
    add("adaptive_avg_pool1d", lambda x: F.adaptive_avg_pool1d(x, 4), 2, 3, 9)
    add("max_pool2d", lambda x: F.max_pool2d(x, 3, 2, 1), 2, 3, 6, 7)
    add("avg_pool2d", lambda x: F.avg_pool2d(x, 2), 2, 3, 6, 7)
    add("avg_pool2d_padding", lambda x: F.avg_pool2d(x, 3, 2, 1), 2, 3, 6, 7)
    add("adaptive_avg_pool2d", lambda x: F.adaptive_avg_pool2d(x, (2, 3)), 2, 3, 5, 7)
    add("global_avg_pool2d", lambda x: F.adaptive_avg_pool2d(x, 1), 2, 3, 5, 7)


def add_losses(file):
    normal = file.normal
    logits, target = 2 * normal(6, 4), torch.tensor([0, 3, 1, 1, 2, 0])
    ignored = torch.tensor([0, -100, 1, 1, -100, 0])
    weight = torch.tensor([1.0, 0.5, 2.0, 0.25])
    pixels = torch.tensor([[[0, 1], [2, 3]], [[3, 3], [-100, 0]]])

    def add(case, target, inputs=None, **options):
        file.add(case, lambda x: F.cross_entropy(x, target, **options), {"x": logits if inputs is None else inputs})
        file.tensors[f"{case}.x.target"] = target

    add("cross_entropy", target)
    add("cross_entropy_sum", target, reduction="sum")
    add("cross_entropy_smoothing", target, label_smoothing=0.1)
    add("cross_entropy_ignore", ignored)
    add("cross_entropy_weight", target, weight=weight)
    add("cross_entropy_everything", ignored, weight=weight, label_smoothing=0.2)
    add("cross_entropy_pixels", pixels, normal(2, 4, 2, 2), weight=weight, label_smoothing=0.1)
    file.tensors["cross_entropy.class_weight"] = weight

    file.add("mse", F.mse_loss, {"input": normal(5, 3), "target": normal(5, 3)}, frozen=("target",))
    file.add("mse_sum", lambda input, target: F.mse_loss(input, target, reduction="sum"),
             {"input": normal(5, 3), "target": normal(5, 3)}, frozen=("target",))
    file.add("bce", F.binary_cross_entropy_with_logits, {"input": 3 * normal(5, 3), "target": (normal(5, 3) > 0).float()},
             frozen=("target",))


def make_layers():
    file = LayerFile()
    add_modules(file)
    add_functions(file)
    add_losses(file)
    save("layers.safetensors", file.tensors)


# -- optimizers ----------------------------------------------------------------------------------------------------

STEPS = 100
PAUSE = range(30, 50)  # updates in which `b` has no gradient, as while it is frozen


def make_optim():
    generator = torch.Generator().manual_seed(2)
    start = {"a": torch.randn(3, 4, generator=generator), "b": torch.randn(5, generator=generator)}
    gradients = {name: torch.randn(STEPS, *w.shape, generator=generator) for name, w in start.items()}
    tensors = {f"start.{name}": w for name, w in start.items()}
    tensors.update({f"gradients.{name}": g for name, g in gradients.items()})

    def add(case, make):
        weights = {name: w.clone().requires_grad_() for name, w in start.items()}
        optimizer = make(weights.values())
        for k in range(STEPS):
            for group in optimizer.param_groups:
                group["lr"] = 0.01 * (1 + 0.5 * math.sin(k))
            for name, w in weights.items():
                w.grad = None if name == "b" and k in PAUSE else gradients[name][k].clone()
            optimizer.step()
        for name, w in weights.items():
            tensors[f"{case}.w.{name}"] = w
            for slot, value in optimizer.state[w].items():
                if slot != "step" and value is not None:
                    tensors[f"{case}.{slot}.{name}"] = value

    def sgd(**options):
        return lambda weights: torch.optim.SGD(weights, lr=1, **options)

    def adamw(**options):
        return lambda weights: torch.optim.AdamW(weights, lr=1, **options)

    add("sgd", sgd())
    add("sgd_decay", sgd(weight_decay=0.05))
    add("sgd_momentum", sgd(momentum=0.9))
    add("sgd_momentum_decay", sgd(momentum=0.9, weight_decay=0.05))
    add("sgd_dampening", sgd(momentum=0.9, dampening=0.3, weight_decay=0.05))
    add("sgd_nesterov", sgd(momentum=0.9, nesterov=True))
    add("sgd_nesterov_decay", sgd(momentum=0.8, nesterov=True, weight_decay=0.05))
    add("adamw", adamw())
    add("adamw_no_decay", adamw(weight_decay=0))
    add("adamw_decay", adamw(weight_decay=0.3))
    add("adamw_betas", adamw(betas=(0.7, 0.95)))
    add("adamw_eps", adamw(eps=1e-2))
    add("adamw_everything", adamw(betas=(0.5, 0.9), eps=1e-3, weight_decay=0.1))
    save("optim.safetensors", tensors)


# -- training under a plan ---------------------------------------------------------------------------------------------


class Mlp(nn.Module):
    def __init__(self, features, hidden, classes, activation):
        super().__init__()
        sizes = [features, *hidden]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        self.head = nn.Linear(sizes[-1], classes)
        self.activation = activation

    def forward(self, x):
        for layer in self.layers:
            x = self.activation(layer(x))
        return self.head(x)


class Block(nn.Module):
    def __init__(self, before, after, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.downsample = None
        if stride != 1 or before != after:
            self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + shortcut)


class Cnn(nn.Module):
    def __init__(self, channels, width, depth, classes):
        super().__init__()
        self.stem = nn.Sequential()
        self.stem.add_module("conv", nn.Conv2d(channels, width, 3, 1, 1, bias=False))
        self.stem.add_module("bn", nn.BatchNorm2d(width))
        widths = [width] + [width << i for i in range(depth)]
        self.layers = nn.ModuleList(Block(a, b, 1 if i == 0 else 2)
                                    for i, (a, b) in enumerate(zip(widths, widths[1:])))
        self.head = nn.Linear(widths[-1], classes)

    def forward(self, x):
        x = F.relu(self.stem(x))
        for layer in self.layers:
            x = layer(x)
        return self.head(F.adaptive_avg_pool2d(x, 1).flatten(1))


def group_of(name):
    parts = name.split(".")
    return ".".join(parts[:2]) if parts[0] == "layers" else parts[0]


def linear_schedule(k, warmup, total):
    """Hugging Face's get_linear_schedule_with_warmup."""
    return k / warmup if k < warmup else (total - k) / (total - warmup)


def apply_phase(model, phase, optimizer):
    """phase: glob on parameter names -> multiplier; what no glob names is frozen. Returns a multiplier a parameter."""
    multipliers, live_groups = {}, set()
    for name, parameter in model.named_parameters():
        found = [m for glob, m in phase["train"].items() if fnmatch.fnmatchcase(name, glob)]
        if bool(found) != parameter.requires_grad and phase.get("state") == "drop":
            optimizer.state.pop(parameter, None)
        parameter.requires_grad_(bool(found))
        multipliers[name] = found[-1] if found else 0.0
        if found:
            live_groups.add(group_of(name))
    for name, module in model.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            module.train(group_of(name) in live_groups)
    return multipliers


def train(model, optimizer_of, phases, x, y, *, steps, batch, lr, warmup=0, schedule=None):
    model.train()
    optimizer = optimizer_of([{"params": [p]} for p in model.parameters()])
    batches = math.ceil(len(x) / batch)
    for k in range(steps):
        for phase in phases:
            if phase["at"] == k:
                multipliers = apply_phase(model, phase, optimizer)
        factor = schedule(k, warmup, steps) if schedule else 1.0
        for group, name in zip(optimizer.param_groups, multipliers):
            group["lr"] = lr * factor * multipliers[name]
        optimizer.zero_grad(set_to_none=True)
        rows = slice(k % batches * batch, (k % batches + 1) * batch)
        F.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()


def sgd(groups):
    return torch.optim.SGD(groups, lr=1, momentum=0.9, weight_decay=0.01, nesterov=True)


def adamw(groups):
    return torch.optim.AdamW(groups, lr=1, weight_decay=0.05)


def make_training(name, make_model, phases, x, y, rates):
    """50 updates with each optimizer, starting from the same weights."""
    torch.manual_seed(3)
    start = make_model().state_dict()
    start = {key: value.clone() for key, value in start.items()}
    tensors = {"x": x, "y": y, **{f"start.{key}": value for key, value in start.items()}}
    for case, optimizer in {"sgd": sgd, "adamw": adamw}.items():
        model = make_model()
        model.load_state_dict(start)
        train(model, optimizer, phases, x, y, steps=50, batch=16, lr=rates[case], warmup=5, schedule=linear_schedule)
        tensors.update({f"{case}.{key}": value for key, value in model.state_dict().items()})
    save(f"{name}.safetensors", tensors)


def clusters(generator, classes, samples, *shape):
    """Samples that can be told apart, but not perfectly."""
    y = torch.randint(classes, (samples,), generator=generator)
    centres = torch.randn(classes, *shape, generator=generator)
    return centres[y] + torch.randn(samples, *shape, generator=generator), y


def make_mlp_training():
    x, y = clusters(torch.Generator().manual_seed(4), 3, 40, 7)
    phases = [
        {"at": 0, "train": {"head.*": 1.0}},
        {"at": 10, "train": {"head.*": 1.0, "layers.2.*": 0.5, "layers.1.*": 0.25}},
        {"at": 25, "train": {"head.*": 2.0, "layers.2.*": 1.0, "layers.0.*": 0.1}, "state": "drop"},
        {"at": 38, "train": {"head.*": 1.0, "*.bias": 1.0}},
    ]
    make_training("training_mlp", lambda: Mlp(7, [12, 10, 8], 3, F.gelu), phases, x, y, {"sgd": 0.05, "adamw": 0.01})


def make_cnn_training():
    x, y = clusters(torch.Generator().manual_seed(5), 3, 40, 2, 6, 6)
    phases = [
        {"at": 0, "train": {"head.*": 1.0}},
        {"at": 12, "train": {"head.*": 1.0, "layers.1.*": 0.5}},
        {"at": 24, "train": {"head.*": 1.0, "layers.1.*": 0.5, "layers.0.*": 0.25, "stem.*": 0.125}},
        {"at": 38, "train": {"head.*": 1.0, "layers.0.*": 0.5}},
    ]
    make_training("training_cnn", lambda: Cnn(2, 4, 2, 3), phases, x, y, {"sgd": 0.02, "adamw": 0.003})


def make_csv_task():
    """A table, full batch, AdamW, phases that begin with the head and give each layer its own multiplier."""
    x, y = clusters(torch.Generator().manual_seed(6), 3, 36, 6)
    classes = ["ash", "birch", "cedar"]
    with open(FOLDER / "task.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([f"f{i}" for i in range(6)] + ["label"])
        writer.writerows([f"{value:.9g}" for value in row] + [classes[label]] for row, label in zip(x.tolist(), y))
    torch.manual_seed(7)
    model = Mlp(6, [16, 8], 3, F.relu)
    save("task_start.safetensors", model.state_dict())
    phases = [
        {"at": 0, "train": {"head.*": 1.0}},
        {"at": 20, "train": {"head.*": 1.0, "layers.1.*": 0.5}},
        {"at": 40, "train": {"head.*": 1.0, "layers.1.*": 0.4, "layers.0.*": 0.16}},
    ]
    train(model, lambda groups: torch.optim.AdamW(groups, lr=1, weight_decay=0.01), phases, x, y, steps=60,
          batch=len(x), lr=0.01)
    save("task_end.safetensors", model.state_dict())


def make_class_weights():
    """Weighted cross-entropy on batches of 18 and 18 and 4 samples, for accumulated micro-batches of 6 to equal."""
    x, y = clusters(torch.Generator().manual_seed(8), 3, 40, 5)
    torch.manual_seed(9)
    start = {key: value.clone() for key, value in Mlp(5, [6], 3, F.relu).state_dict().items()}
    tensors = {"x": x, "y": y, **{f"start.{key}": value for key, value in start.items()}}
    balanced = len(y) / (3 * torch.bincount(y).float())
    cases = {"balanced": (balanced, 0.0), "named": (torch.tensor([1.0, 4.0, 0.0]), 0.0),
             "smoothed": (torch.tensor([1.0, 4.0, 0.25]), 0.2)}
    for case, (weight, smoothing) in cases.items():
        model = Mlp(5, [6], 3, F.relu)
        model.load_state_dict(start)
        loss_of = nn.CrossEntropyLoss(weight=weight, label_smoothing=smoothing)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        losses = []
        for k in range(9):
            rows = slice(k % 3 * 18, k % 3 * 18 + 18)
            optimizer.zero_grad()
            loss = loss_of(model(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        tensors.update({f"{case}.{key}": value for key, value in model.state_dict().items()})
        tensors[f"{case}.losses"] = torch.tensor(losses)
    save("class_weight.safetensors", tensors)


def main():
    torch.set_num_threads(1)
    make_layers()
    make_optim()
    make_mlp_training()
    make_cnn_training()
    make_csv_task()
    make_class_weights()


if __name__ == "__main__":
    main()
