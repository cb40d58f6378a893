from PIL import Image


def resized(image):
    """In proportion, the shorter side to EDGE."""
    shorter = min(image.size)
    return image.resize([EDGE * side // shorter for side in image.size], FILTER)
