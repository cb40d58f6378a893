import torch


def make_optimizer(model):
    return torch.optim.SGD(
        entries_of(model), lr=LR, momentum=MOMENTUM, dampening=DAMPENING, nesterov=NESTEROV
    )
