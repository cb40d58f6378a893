from safetensors.torch import load_file


def make_model():
    """With the weights that training starts from."""
    model = make_network()
    unknown = model.load_state_dict(load_file(START), strict=False).unexpected_keys
    assert not unknown, unknown  # strict=False alone would pass over a name that is misspelt
    return model
