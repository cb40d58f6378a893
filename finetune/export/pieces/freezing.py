import torch
from torch import nn


NORMS = (nn.BatchNorm2d, nn.LayerNorm)


def group_of(name):
    """The group of a parameter or module, by its name."""
    for group, modules in GROUPS.items():
        if any(name == module or name.startswith(module + ".") for module in modules):
            return group
    return None


def names_in(model, wanted):
    """The parameters that an entry of a plan means: "head" is a group, "layer.1:bias" its biases,
    "layer.1:norm" what its normalisation layers have (and ConvNeXt's scales of channels),
    "layer.1:lora" its adapters; everything else is the name of one parameter."""
    group, _, kind = wanted.partition(":")
    norms = {name for name, module in model.named_modules() if isinstance(module, NORMS)}
    is_of_kind = {
        "": lambda name: True,
        "bias": lambda name: name.endswith(".bias"),
        "norm": lambda name: name.rpartition(".")[0] in norms or "layer_scale" in name,
        "lora": lambda name: ".lora_" in name,
    }[kind]

    def is_meant(name):
        return name == wanted or (group_of(name) == group and is_of_kind(name))

    return [name for name, _ in model.named_parameters() if is_meant(name)]


def phase_of(update):
    """The phase in force: the last one that has begun."""
    return [phase for phase in PLAN if phase.first <= update][-1]


def begin_phase(model, optimizer, phase):
    """THE TECHNIQUE: a parameter is frozen by requires_grad = False, and thawed by requires_grad =
    True. No new optimizer is made, so that everything that goes on training keeps its momentum and
    its count of updates."""
    multipliers = {name: m for wanted, m in phase.train.items() for name in names_in(model, wanted)}
    for entry in optimizer.param_groups:
        name, parameter = entry["name"], entry["params"][0]
        trains = name in multipliers
        if trains != parameter.requires_grad:
            if phase.state == "drop":
                optimizer.state.pop(parameter, None)
            entry["thawed"] = phase.first
        parameter.requires_grad_(trains)
        # What usually goes wrong: requires_grad = False stops new gradients, but the last one
        # stays, and the optimizer goes on stepping by it and decaying the weight. A parameter whose
        # gradient is None is passed over.
        parameter.grad = None
        entry["multiplier"] = multipliers.get(name, 0.0)


def set_modes(model, phase):
    """What usually goes wrong: model.train() also switches the layers of frozen groups to training.
    Their batch norm then takes the statistics of the batch, and writes them over the pretrained
    ones, although not one weight changes; and their dropout goes on drawing noise."""
    model.train()
    trained = {group_of(name) for name, weight in model.named_parameters() if weight.requires_grad}
    for name, module in model.named_modules():
        if group_of(name) is None or group_of(name) in trained:
            continue
        if isinstance(module, nn.BatchNorm2d):
            is_still = phase.frozen_norm == "still"
        else:
            is_still = phase.frozen_dropout == "off"
        module.training = not is_still  # eval() would switch all that is in it, too
