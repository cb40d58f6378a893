def schedule(done):
    """The factor of the learning rate after `done` updates, of UPDATES in all: a linear warm-up,
    then a curve."""
    if done < WARMUP:
        return done / WARMUP
    length = max(1, UPDATES - WARMUP)
    return curve(min(done - WARMUP, length), length)
