def curve(k, length):
    """A short rise from 1/32 to 1, in the first tenth of the updates, and a long fall back (Howard
    and Ruder 2018, ULMFiT, equation 3)."""
    cut = int(length * 0.1)
    fall = cut * (1 / 0.1 - 1) if cut > 0 else length  # a run too short for a rise only falls
    share = k / cut if k < cut else 1 - (k - cut) / fall
    return (1 + max(0.0, share) * (32 - 1)) / 32
