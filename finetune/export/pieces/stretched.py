from PIL import Image


def resized(image):
    """To this size, whatever the picture's proportions are."""
    height, width = RESIZED
    return image.resize((width, height), FILTER)
