import os
import pathlib

from PIL import Image, ImageOps


ENDINGS = (".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif")


def read_pictures(path):
    """The picture files below the folders of a folder, in the order of their paths, and which of
    these folders each is in: its label."""
    files = []
    for folder, folders, names in os.walk(path, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        names = [n for n in names if n.lower().endswith(ENDINGS) and not n.startswith(".")]
        files += [pathlib.Path(folder, name).relative_to(path) for name in names]
    files.sort(key=pathlib.Path.as_posix)
    return [path / file for file in files], [file.parts[0] for file in files]


def open_picture(file):
    """What usually goes wrong: cameras store a picture as it lies in the sensor, and say beside it
    how it is to be turned, which Image.open() does not do."""
    return ImageOps.exif_transpose(Image.open(file))
