import math
import sys


def check_data(path, inputs, targets, expected):
    """Stops if these are not the samples that the order was written for. Rows that are off by one
    train, too, and nothing but a poor result would tell."""
    rows = expected["rows"]
    same_targets = as_lists(targets[rows]) == expected["targets"]
    if not same_targets or not math.isclose(sum_of(inputs, rows), expected["sum"], rel_tol=1e-5):
        sys.exit(f"{path}: its samples are not those that the order of the samples was written for")
