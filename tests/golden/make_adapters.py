#!/usr/bin/env python3
"""Writes tests/golden/adapters/: a BERT of one layer, adapters that PyPI's `peft` made on it (LoRA, rsLoRA and DoRA
with a random B, and two whose rank and alpha differ from layer to layer), and what `peft` computes with them: logits, and gradients by every tensor that trains.

    pip install torch==2.* transformers peft safetensors
    python tests/golden/make_adapters.py

Versions are in the metadata of expected.safetensors: `<adapter>.logits`, `<adapter>.g.<name in the adapter's file>`.
"""
import pathlib
import shutil

import peft
import torch
import transformers
from safetensors.torch import save_file

FOLDER = pathlib.Path(__file__).resolve().parent / "adapters"
PATTERNS = {"rank_pattern": {"layer.[0-2].*.value": 3}, "alpha_pattern": {r"self\.(value|key)": 5, "^query": 9}}
KINDS = {"lora": {}, "rslora": {"use_rslora": True}, "dora": {"use_dora": True}, "patterns": PATTERNS,
         "patterns-dora": {"use_dora": True, "use_rslora": True, **PATTERNS}}
VOCABULARY, LABELS = 12, 3


def draw(model):
    """Nothing at its start, where B is zero and the magnitudes are the rows' norms."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name or "classifier.modules_to_save" in name:
                parameter.normal_(0, 0.3)
            elif "magnitude" in name:
                parameter.mul_(1 + 0.2 * torch.randn_like(parameter))


def file_name(name):
    return name.replace(".modules_to_save", "").replace("lora_magnitude_vector.default.weight",
                                                        "lora_magnitude_vector").replace(".default", "")


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    torch.manual_seed(0)
    config = transformers.BertConfig(vocab_size=VOCABULARY, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
                                     intermediate_size=12, max_position_embeddings=8, hidden_dropout_prob=0,
                                     attention_probs_dropout_prob=0, initializer_range=0.3)
    transformers.BertForSequenceClassification(config).save_pretrained(FOLDER / "base")
    ids = torch.randint(0, VOCABULARY, (4, 6))
    dy = torch.randn(4, LABELS)
    expected = {"ids": ids, "dy": dy}
    for kind, options in KINDS.items():
        base = transformers.BertForSequenceClassification.from_pretrained(FOLDER / "base", num_labels=LABELS,
                                                                               ignore_mismatched_sizes=True)
        model = peft.get_peft_model(base, peft.LoraConfig(task_type="SEQ_CLS", r=2, lora_alpha=3, **options))
        draw(model)
        model.peft_config["default"].base_model_name_or_path = "base"
        model.save_pretrained(FOLDER / kind)
        (FOLDER / kind / "README.md").unlink()
        model.eval()
        logits = model(input_ids=ids).logits
        logits.backward(dy)
        expected[f"{kind}.logits"] = logits.detach()
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                expected[f"{kind}.g.{file_name(name)}"] = parameter.grad
    versions = {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__,
                "peft": peft.__version__}
    save_file(expected, FOLDER / "expected.safetensors", metadata=versions)
    for file in FOLDER.rglob("*"):
        if file.is_file():
            file.chmod(0o644)


main()
