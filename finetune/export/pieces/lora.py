from peft import LoraConfig, inject_adapter_in_model
from safetensors.torch import load_file


def make_model():
    """With adapters at TARGET_MODULES. A adds noise that B = 0 keeps out of the output, so that
    training starts from the pretrained function itself. What usually goes wrong: ALPHA / R scales
    the adapters' output, so that another R changes the size of their steps, too; and a rate that is
    right for all weights is too small for adapters."""
    start = load_file(START)
    adapters = {name: start.pop(name) for name in list(start) if ".lora_" in name}
    model = make_network()
    unknown = model.load_state_dict(start, strict=False).unexpected_keys
    config = LoraConfig(
        r=R,
        lora_alpha=ALPHA,
        use_rslora=USE_RSLORA,
        lora_dropout=LORA_DROPOUT,
        target_modules=TARGET_MODULES,
    )
    inject_adapter_in_model(config, model)
    adapters = {name.replace(".weight", ".default.weight"): adapters[name] for name in adapters}
    unknown += model.load_state_dict(adapters, strict=False).unexpected_keys
    assert not unknown, unknown  # strict=False alone would pass over a name that is misspelt
    return model


def weights_of(model):
    """With the adapters folded into the weights: W + ALPHA / R * B A."""
    for module in model.modules():
        if hasattr(module, "lora_A") and hasattr(module, "merge"):
            module.merge()
    return {
        name.replace(".base_layer", ""): tensor.contiguous()
        for name, tensor in model.state_dict().items()
        if ".lora_" not in name
    }
