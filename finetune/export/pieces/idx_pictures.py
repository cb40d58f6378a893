from PIL import Image


def read_pictures(path):
    """The images of the file, and their labels."""
    return read_idx(path).numpy(), read_labels(path)


def open_picture(image):
    return Image.fromarray(image)
