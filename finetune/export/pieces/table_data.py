import torch


def read_data(path):
    """Features [N, F], standardised, and targets [N] of all rows of the table."""
    rows = read_rows(path)
    features = torch.tensor([[float(row[name]) for name in FEATURES] for row in rows])
    # Mean and deviation are those of the TRAINING rows alone. Computed from all rows, or from those
    # of the data that are evaluated, they would tell the model of data that it must not know.
    if MEAN:
        mean, deviation = (torch.tensor(values, dtype=torch.float64) for values in (MEAN, DEVIATION))
        features = ((features.double() - mean) / deviation).float()
    return features, targets_of([row[LABEL] for row in rows])
