import gzip
import struct

import torch


def read_idx(path):
    """The bytes of an IDX file, MNIST's format, in the shape that its header says."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rb") as file:
        dimensions = file.read(4)[3]
        shape = struct.unpack(f">{dimensions}I", file.read(4 * dimensions))
        return torch.frombuffer(bytearray(file.read()), dtype=torch.uint8).reshape(shape)


def read_data(path):
    """Images [N, 1, H, W] with pixels from 0 to 1, and targets [N]."""
    images = read_idx(path)[:, None].float() / 255
    name = "labels".join(path.name.rsplit("images", 1)).replace("idx3", "idx1")
    labels = read_idx(path.with_name(name))
    return images, targets_of(labels.tolist())
