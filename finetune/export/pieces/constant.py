def curve(k, length):
    return 1.0
