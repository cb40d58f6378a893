def batch_of(inputs, rows):
    return inputs[rows]


def sum_of(inputs, rows):
    """A number that changes when any of these samples is another one."""
    return inputs[rows].double().abs().sum().item()
