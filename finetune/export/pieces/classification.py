import torch
import torch.nn.functional as F


def targets_of(labels):
    """The index of each label's class; -1 for a label that is none of them."""
    return torch.tensor([CLASSES.get(str(label).strip(), -1) for label in labels])


def as_lists(targets):
    return targets.tolist()


def loss_of(outputs, targets):
    return F.cross_entropy(outputs, targets, label_smoothing=LABEL_SMOOTHING)


SCORE = "accuracy"


def counts_of(outputs, targets):
    """What the score is a ratio of."""
    return (outputs.argmax(1) == targets).sum().item(), len(targets)
