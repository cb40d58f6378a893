def curve(k, length):
    """Down to 0, which the last update does not quite reach."""
    return 1 - k / length
