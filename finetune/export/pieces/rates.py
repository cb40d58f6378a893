def set_rates(optimizer, done):
    """What usually goes wrong: the order of optimizer.step() and scheduler.step(), which moves the
    schedule by an update, and a scheduler that begins anew when a group thaws. Here the rate of the
    next update is a function of how many are done, and a group that thaws has schedule x multiplier
    from its first update on."""
    for entry in optimizer.param_groups:
        entry["lr"] = LR * schedule(done) * entry["multiplier"]
