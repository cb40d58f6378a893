import math


def curve(k, length):
    """Half a cosine down to 0."""
    return 0.5 + 0.5 * math.cos(math.pi * k / length)
