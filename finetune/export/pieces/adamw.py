import torch


def make_optimizer(model):
    """AdamW makes a parameter's state (two moments and a count of updates) with its first gradient.
    So the bias correction of what thaws late counts its own updates. With one count for the whole
    model its first steps would be up to three times too large: its moments begin at zero, and
    nothing would make up for the second one's slower rise."""
    return torch.optim.AdamW(entries_of(model), lr=LR, betas=BETAS, eps=EPS)
