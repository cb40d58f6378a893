def rewarmed(first, done):
    """The factor of what thawed with the phase that began with update `first`: it rises, update by
    update, to 1."""
    if first == 1:
        return 1.0  # what trains from the start did not thaw
    return min(1.0, (done + 2 - first) / (phase_of(first).rewarmup + 1))


def set_rates(optimizer, done):
    """The rates of the next update, when `done` are done: schedule x multiplier, and for what
    thawed not long ago a part of that, so that its first steps, which rest on few gradients, are
    small."""
    for entry in optimizer.param_groups:
        multiplier = entry["multiplier"] * rewarmed(entry.get("thawed", 1), done)
        entry["lr"] = LR * schedule(done) * multiplier
