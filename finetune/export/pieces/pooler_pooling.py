HAS_POOLER = True


def pool(encoded, mask):
    """The state of a text's first token, through the pooler, a layer that is a part of the head."""
    return encoded.pooler_output
