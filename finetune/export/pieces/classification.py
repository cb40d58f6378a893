import decimal
import json

import torch
import torch.nn.functional as F


def key_of(label):
    """Labels that are equal numbers, 1 and 1.0, are one class."""
    text = json.dumps(label) if isinstance(label, bool) else str(label).strip()
    try:
        number = decimal.Decimal(text)
    except decimal.InvalidOperation:
        return text
    return number if number.is_finite() else text


INDEX_OF = {key_of(label): index for label, index in CLASSES.items()}


def targets_of(labels):
    """The index of each label's class; -1 for a label that is none of them."""
    return torch.tensor([INDEX_OF.get(key_of(label), -1) for label in labels])


def as_lists(targets):
    return targets.tolist()


def loss_of(outputs, targets):
    return F.cross_entropy(outputs, targets, label_smoothing=LABEL_SMOOTHING)


SCORE = "accuracy"


def counts_of(outputs, targets):
    """What the score is a ratio of."""
    return (outputs.argmax(1) == targets).sum().item(), len(targets)
