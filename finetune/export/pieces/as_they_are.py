def resized(image):
    return image
