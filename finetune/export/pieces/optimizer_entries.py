def entries_of(model):
    """ALL parameters are in the optimizer from the start, those that are frozen at first too. What
    usually goes wrong: an optimizer that was made of the trainable ones alone does not know what is
    thawed later, which then never changes.

    An entry for each parameter, because each may have a rate of its own."""
    no_decay = {name for wanted in NO_DECAY for name in names_in(model, wanted)}
    entries = []
    for name, parameter in model.named_parameters():
        decay = 0.0 if name in no_decay else WEIGHT_DECAY
        entries.append({"params": [parameter], "name": name, "weight_decay": decay})
    return entries
