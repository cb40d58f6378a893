#!/usr/bin/env python3
"""Writes training_runs.json: short runs by PyTorch for configs of thaw, that tests of config keys and of the trainer
replay.

    pip install torch==2.* transformers safetensors
    python tests/golden/make_training_golden.py

Each run is a config, `common` with settings as `thaw train --set` takes them, and what PyTorch's loop made of it: the
loss and the learning rate of each update, and all weights at the end. It trains on task.csv from
training_runs_start.safetensors.
"""

import csv
import json
import math
import pathlib
import tomllib

import torch
import torch.nn as nn
import torch.nn.functional as F
import transformers
from safetensors.torch import save_file

FOLDER = pathlib.Path(__file__).resolve().parent
ACTIVATIONS = {"relu": F.relu, "gelu": F.gelu, "tanh": torch.tanh}


class Mlp(nn.Module):
    def __init__(self, activation):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(6, 5)])
        self.head = nn.Linear(5, 3)
        self.activation = activation

    def forward(self, x):
        return self.head(self.activation(self.layers[0](x)))


def read_task():
    with open(FOLDER / "task.csv", newline="") as file:
        rows = list(csv.reader(file))[1:]
    classes = sorted({row[-1] for row in rows})
    x = torch.tensor([[float(value) for value in row[:-1]] for row in rows])
    return x, torch.tensor([classes.index(row[-1]) for row in rows]), classes


# What every run has unless its settings say otherwise.
COMMON = ["train.steps=11", "train.batch_size=10", "train.shuffle=false", "train.lr=0.05", "train.optimizer=\"sgd\"",
          "train.eval_every=\"never\"", "train.checkpoint_every=\"never\"", "model.hidden=[5]",
          "data.validation_fraction=0"]


def merged(settings):
    config = {"model": {}, "train": {}, "strategy": {"name": "full"}}
    for setting in settings:
        for section, values in tomllib.loads(setting).items():
            config.setdefault(section, {}).update(values)
    if "epochs" in config["train"]:
        del config["train"]["steps"]
    return config


# -- the schedules -----------------------------------------------------------------------------------------------


def one_cycle(total):
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=total, cycle_momentum=False)
    rates = []
    for _ in range(total):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        if len(rates) < total:
            schedule.step()
    return rates


def slanted_triangular(total, cut_frac=0.1, ratio=32):
    """Howard & Ruder 2018, equation 3; where the cut is no whole number the last rates stay at the floor."""
    cut = math.floor(total * cut_frac)
    rates = []
    for t in range(total):
        p = t / cut if t < cut else 1 - (t - cut) / (cut * (1 / cut_frac - 1)) if cut > 0 else 1 - t / total
        rates.append((1 + max(p, 0) * (ratio - 1)) / ratio)
    return rates


def hugging_face(make, warmup, total):
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = make(optimizer, warmup, total) if total is not None else make(optimizer, warmup)
    return schedule.lr_lambdas[0]


def factors(train, total):
    """What each update multiplies the rate by."""
    warmup = train.get("warmup_steps", 0)
    if "warmup_fraction" in train:
        warmup = math.ceil(total * train["warmup_fraction"])  # as TrainingArguments.get_warmup_steps
    kind = train.get("schedule", "constant")
    if kind in ("one-cycle", "slanted-triangular"):  # which begin after the warm-up
        after = {"one-cycle": one_cycle, "slanted-triangular": slanted_triangular}[kind](total - warmup)
        return [k / warmup for k in range(warmup)] + after
    make = {"constant": transformers.get_constant_schedule_with_warmup,
            "linear": transformers.get_linear_schedule_with_warmup,
            "cosine": transformers.get_cosine_schedule_with_warmup}[kind]
    factor = hugging_face(make, warmup, None if kind == "constant" else total)
    return [factor(k) for k in range(total)]


# -- the loop ----------------------------------------------------------------------------------------------------


def names_selected(selector, model):
    """Of `head`, `layers.0`, `all`, `kind:bias`, and several with commas between them."""
    def selects(part, name):
        return part == "all" or (part == "kind:bias" and name.endswith(".bias")) or name.startswith(part + ".")
    return {name for name, _ in model.named_parameters() for part in selector.split(", ") if selects(part, name)}


def make_optimizer(train, model):
    spared = names_selected(train["no_decay"], model) if "no_decay" in train else set()
    decay = train.get("weight_decay", 0.01 if train["optimizer"] == "adamw" else 0.0)
    groups = [{"params": [p], "name": name, "weight_decay": 0.0 if name in spared else decay}
              for name, p in model.named_parameters()]
    if train["optimizer"] == "adamw":
        return torch.optim.AdamW(groups, lr=1.0, betas=tuple(train.get("betas", (0.9, 0.999))),
                                 eps=train.get("eps", 1e-8))
    return torch.optim.SGD(groups, lr=1.0, momentum=train.get("momentum", 0.0), dampening=train.get("dampening", 0.0),
                           nesterov=train.get("nesterov", False))


def enter_phase(phase, model, optimizer):
    trained = names_selected(phase["train"], model)
    for name, parameter in model.named_parameters():
        changes = (name in trained) != parameter.requires_grad
        if changes and phase.get("state") == "drop":
            optimizer.state.pop(parameter, None)
        parameter.requires_grad_(name in trained)


def class_weights(train, y, classes):
    wanted = train.get("class_weight")
    if wanted is None:
        return None
    if wanted == "balanced":
        return len(y) / (len(classes) * torch.bincount(y).float())
    return torch.tensor([wanted.get(name, 1.0) for name in classes])


def penalty(model, start, strategy):
    if strategy["name"] != "l2-sp":
        return None
    terms = [strategy["beta"] / 2 * (p ** 2).sum() if name.startswith("head.") else
             strategy["alpha"] / 2 * ((p - start[name]) ** 2).sum() for name, p in model.named_parameters()]
    return sum(terms)


def run(settings, start, x, y, classes):
    config = merged(COMMON + settings)
    train, strategy = config["train"], config["strategy"]
    model = Mlp(ACTIVATIONS[config["model"].get("activation", "relu")])
    model.load_state_dict(start)
    size = train["batch_size"] or len(x)
    batches = [list(range(i, min(i + size, len(x)))) for i in range(0, len(x), size)]
    count = train.get("accumulation", 1)
    updates = [batches[i:i + count] for i in range(0, len(batches), count)]
    total = train.get("steps") or math.ceil(train["epochs"] * len(updates) - 1e-9)
    optimizer = make_optimizer(train, model)
    weight = class_weights(train, y, classes)
    phases = {int(p.get("at", "step 0").split()[1]): p for p in strategy.get("phase", [])}
    multipliers, rewarmup, thawed = {}, 0, 0
    losses, rates = [], []
    for k, factor in zip(range(total), factors(train, total)):
        if k in phases:
            before = {name for name, p in model.named_parameters() if p.requires_grad}
            enter_phase(phases[k], model, optimizer)
            multipliers = phases[k].get("lr_mult", {})
            newly = {name for name, p in model.named_parameters() if p.requires_grad} - before
            rewarmup, thawed = phases[k].get("rewarmup", 0), k
        for group in optimizer.param_groups:
            group["lr"] = train["lr"] * factor * multipliers.get(group["name"].rsplit(".", 1)[0], 1.0)
            if rewarmup > 0 and group["name"] in newly:
                group["lr"] *= min(1.0, (k - thawed + 1) / (rewarmup + 1))
        optimizer.zero_grad(set_to_none=True)
        rows = [row for batch in updates[k % len(updates)] for row in batch]
        whole = len(rows) if weight is None else weight[y[rows]].sum().item()
        loss = 0.0
        for batch in updates[k % len(updates)]:
            part = F.cross_entropy(model(x[batch]), y[batch], weight=weight, reduction="sum",
                                   label_smoothing=train.get("label_smoothing", 0.0)) / whole
            part.backward()
            loss += part.item()
        held = penalty(model, start, strategy)
        if held is not None:
            held.backward()
        if train.get("clip_norm", 0) > 0:
            nn.utils.clip_grad_norm_(model.parameters(), train["clip_norm"])
        optimizer.step()
        losses.append(loss)
        rates.append(train["lr"] * factor)
    weights = {name: parameter.flatten().tolist() for name, parameter in model.named_parameters()}
    return {"set": settings, "losses": losses, "rates": rates, "weights": weights}


# -- the runs ----------------------------------------------------------------------------------------------------

ADAMW = ["train.optimizer=\"adamw\"", "train.lr=0.02"]
MOMENTUM = ["train.momentum=0.9"]

# For each key runs that differ in it.
KEYS = {
    "model.activation": [["model.activation=\"relu\""], ["model.activation=\"gelu\""], ["model.activation=\"tanh\""]],
    # An epoch is 4 updates.
    "train.epochs": [["train.epochs=0.5"], ["train.epochs=0.6"], ["train.epochs=1.6"]],
    "train.steps": [["train.steps=3"], ["train.steps=7"]],
    "train.batch_size": [["train.batch_size=10"], ["train.batch_size=0"], ["train.batch_size=13"]],
    "train.accumulation": [["train.accumulation=1"], ["train.accumulation=2"], ["train.accumulation=3"]],
    "train.optimizer": [["train.optimizer=\"adamw\""], ["train.optimizer=\"sgd\""]],
    "train.betas": [[*ADAMW, "train.betas=[0.9, 0.999]"], [*ADAMW, "train.betas=[0.5, 0.999]"],
                    [*ADAMW, "train.betas=[0.9, 0.6]"]],
    "train.eps": [[*ADAMW, "train.eps=1e-8"], [*ADAMW, "train.eps=0.1"]],
    "train.weight_decay": [[*ADAMW], [*ADAMW, "train.weight_decay=2.0"], ["train.weight_decay=0.0"],
                           ["train.weight_decay=2.0"]],
    "train.momentum": [["train.momentum=0.0"], ["train.momentum=0.9"]],
    "train.dampening": [[*MOMENTUM, "train.dampening=0.0"], [*MOMENTUM, "train.dampening=0.5"]],
    "train.nesterov": [[*MOMENTUM, "train.nesterov=false"], [*MOMENTUM, "train.nesterov=true"]],
    "train.no_decay": [["train.weight_decay=2.0"], ["train.weight_decay=2.0", "train.no_decay=\"kind:bias\""],
                       [*ADAMW, "train.weight_decay=2.0", "train.no_decay=\"head\""]],
    "train.lr": [["train.lr=0.05"], ["train.lr=0.2"]],
    "train.schedule": [[f"train.schedule=\"{kind}\""]
                       for kind in ("constant", "linear", "cosine", "one-cycle", "slanted-triangular")],
    "train.warmup_steps": [["train.schedule=\"linear\""], ["train.schedule=\"linear\"", "train.warmup_steps=3"],
                           ["train.schedule=\"one-cycle\"", "train.warmup_steps=3"]],
    # 0.3 of 11 updates are 4 of warm-up, 0.1 are 2.
    "train.warmup_fraction": [[f"train.schedule=\"{kind}\"", "train.warmup_fraction=0.3"]
                              for kind in ("constant", "linear", "cosine", "one-cycle", "slanted-triangular")] +
                             [["train.schedule=\"linear\"", "train.warmup_fraction=0.1"],
                              ["train.schedule=\"linear\"", "train.epochs=1.6", "train.warmup_fraction=0.3"]],
    "train.clip_norm": [["train.clip_norm=0.0"], ["train.clip_norm=0.5"], [*MOMENTUM, "train.clip_norm=0.1"]],
    "train.label_smoothing": [["train.label_smoothing=0.0"], ["train.label_smoothing=0.3"]],
    "train.class_weight": [[], ["train.class_weight=\"balanced\""], ["train.class_weight={ birch = 5.0 }"]],
}

HALF = ["train.accumulation=2"]  # an update of 20 samples, then one of 10 and 6


def phases(*tables):
    return "strategy={ name = \"plan\", phase = [" + ", ".join(tables) + "] }"


def freeze_and_thaw(freezing="", thawing=""):
    """The lower layer trains, is frozen, and trains again, with what each of the two transitions says."""
    return phases("{ train = \"all\" }", "{ at = \"step 4\", train = \"head\"%s }" % freezing,
                  "{ at = \"step 7\", train = \"all\"%s }" % thawing)


# Combinations that one loop has to get right.
LOOP = {
    "accumulated": [*HALF, *ADAMW],
    "accumulated_and_clipped": [*HALF, *MOMENTUM, "train.clip_norm=0.3"],
    "accumulated_and_smoothed": [*HALF, "train.label_smoothing=0.2"],
    "accumulated_and_weighted": [*HALF, "train.class_weight={ birch = 5.0 }"],
    "accumulated_by_three_and_clipped": ["train.accumulation=3", *ADAMW, "train.clip_norm=0.2"],
    "clipped_with_decay": ["train.clip_norm=0.3", "train.weight_decay=1.0"],
    "everything_of_adamw": [*HALF, *ADAMW, "train.betas=[0.7, 0.9]", "train.eps=0.01", "train.weight_decay=1.0",
                            "train.no_decay=\"kind:bias\"", "train.schedule=\"cosine\"", "train.warmup_fraction=0.3",
                            "train.clip_norm=0.5", "train.label_smoothing=0.1"],
    "everything_of_sgd": [*HALF, "train.momentum=0.8", "train.dampening=0.3", "train.weight_decay=1.0",
                          "train.no_decay=\"head\"", "train.schedule=\"one-cycle\"", "train.warmup_steps=2",
                          "train.clip_norm=0.5"],
    "pulled_back": ["strategy={ name = \"l2-sp\", alpha = 2.0, beta = 0.5 }"],
    "pulled_back_accumulated": [*HALF, "strategy={ name = \"l2-sp\", alpha = 2.0, beta = 0.5 }"],
    "multipliers": [phases("{ train = \"head\", lr_mult = { head = 2.0 } }",
                           "{ at = \"step 4\", train = \"all\", lr_mult = { \"layers.0\" = 0.25 }, rewarmup = 3 }"),
                    "train.schedule=\"linear\"", "train.warmup_steps=2", "train.clip_norm=0.5"],
}
for optimizer, of in {"adamw": ADAMW, "sgd": MOMENTUM}.items():
    LOOP[f"state_kept_{optimizer}"] = [*of, freeze_and_thaw()]
    LOOP[f"state_dropped_by_freezing_{optimizer}"] = [*of, freeze_and_thaw(freezing=", state = \"drop\"")]
    LOOP[f"state_dropped_by_thawing_{optimizer}"] = [*of, freeze_and_thaw(thawing=", state = \"drop\"")]


def main():
    torch.set_num_threads(1)
    x, y, classes = read_task()
    torch.manual_seed(11)
    start = {name: value.clone() for name, value in Mlp(F.relu).state_dict().items()}
    save_file(start, FOLDER / "training_runs_start.safetensors")
    (FOLDER / "training_runs_start.safetensors").chmod(0o644)
    made = lambda settings: run(settings, start, x, y, classes)
    keys = {key: [made(settings) for settings in runs] for key, runs in KEYS.items()}
    loop = {name: made(settings) for name, settings in LOOP.items()}
    lines = [f'"torch": "{torch.__version__.split("+")[0]}"', f'"transformers": "{transformers.__version__}"',
             f'"common": {json.dumps(COMMON)}']
    text = lambda value: json.dumps(json.loads(json.dumps(value), parse_float=lambda n: float(f"{float(n):.9g}")))
    of_keys = ",\n".join(f"{json.dumps(key)}: [\n" + ",\n".join(map(text, runs)) + "]" for key, runs in keys.items())
    of_loop = ",\n".join(f"{json.dumps(name)}: {text(made)}" for name, made in loop.items())
    (FOLDER / "training_runs.json").write_text(
        "{" + ",\n".join([*lines, f'"keys": {{\n{of_keys}}}', f'"loop": {{\n{of_loop}}}']) + "}\n")


if __name__ == "__main__":
    main()
