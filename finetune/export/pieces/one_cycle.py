import math


def cosine_between(start, end, share):
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))


def curve(k, length):
    """A cosine up to 1 in the first 30 % of the updates, and a cosine down to all but 0: torch's
    OneCycleLR (Smith and Topin 2018)."""
    start, end = 1 / 25, 1 / 25 / 1e4
    k, peak, last = min(k, length - 1), 0.3 * length - 1, length - 1
    if k <= peak and peak > 0:
        return cosine_between(start, 1, k / peak)
    return 1.0 if last <= peak else cosine_between(1, end, (k - peak) / (last - peak))
