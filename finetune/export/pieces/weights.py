def weights_of(model):
    return {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
