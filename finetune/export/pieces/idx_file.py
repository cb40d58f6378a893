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


def read_labels(path):
    """Of the images of that file, from the file beside it."""
    name = "labels".join(path.name.rsplit("images", 1)).replace("idx3", "idx1")
    return read_idx(path.with_name(name)).tolist()
