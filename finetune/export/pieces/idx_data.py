def read_data(path):
    """Images [N, 1, H, W] with pixels from 0 to 1, and targets [N]."""
    return read_idx(path)[:, None].float() / 255, targets_of(read_labels(path))
