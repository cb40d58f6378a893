HAS_POOLER = False


def pool(encoded, mask):
    """The mean of the states of a text's tokens; those of padding mean nothing and are left out."""
    tokens = mask[:, :, None].float()
    return (encoded.last_hidden_state * tokens).sum(1) / tokens.sum(1)
