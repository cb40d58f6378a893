#!/usr/bin/env python3
"""Adapters between thaw and PyPI's `peft`, both ways: thaw trains LoRA, rsLoRA and DoRA, and PEFT computes the same
logits from its adapter/; PEFT makes adapters with a random B, and thaw computes the same logits from them: read as a
model, merged, as the start of a run, and folded in at the start of one of another strategy.

Usage: python3 tests/golden/check_peft.py --thaw build/release/bin/thaw [--folder DIR]
--folder: a BERT with its tokenizer (MiniLM); without it a small BERT and a small DistilBERT are drawn.
Needs: torch, transformers, peft. Exits with 1 where logits differ by more than 1e-5.
"""
import argparse
import csv
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import (AutoModelForSequenceClassification, AutoTokenizer, BertConfig, BertForSequenceClassification,
                          DistilBertConfig, DistilBertForSequenceClassification)

TOLERANCE = 1e-5
LABELS = ["bad", "fair", "good"]
WORDS = "the a film was is plot cast good bad fine dull bright story and very not music slow sharp warm".split()
KINDS = {"lora": {}, "rslora": {"rslora": True}, "dora": {"dora": True}}
failures = []


def small_models(folder):
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    size = dict(vocab_size=len(vocabulary), max_position_embeddings=40)
    torch.manual_seed(1)
    models = {
        "bert": BertForSequenceClassification(BertConfig(
            hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48, **size)),
        "distilbert": DistilBertForSequenceClassification(DistilBertConfig(
            dim=32, n_layers=2, n_heads=4, hidden_dim=48, **size)),
    }
    for name, model in models.items():
        model.save_pretrained(folder / name)
        (folder / name / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
        (folder / name / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')
    return {name: folder / name for name in models}


def write_data(folder):
    rng = random.Random(0)
    texts = [" ".join(rng.choices(WORDS, k=rng.randint(2, 12))) for _ in range(48)]
    with open(folder / "task.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows([text, LABELS[i % 3]] for i, text in enumerate(texts))
    (folder / "texts.txt").write_text("".join(text + "\n" for text in texts))
    return texts


def run_thaw(*arguments):
    result = subprocess.run([options.thaw, *map(str, arguments)], capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"thaw {' '.join(map(str, arguments))}\n{result.stderr}")
    return result.stdout


def predict(model, work):
    lines = run_thaw("predict", "--model", model, "--input", work / "texts.txt").splitlines()
    return torch.tensor([json.loads(line)["logits"] for line in lines])


def write_config(work, base, strategy, train, init=None, **settings):
    start = f'init = "{init}"\n' if init else ""
    text = (f'[model]\nfrom = "{base}"\npooling = "pooler"\ndropout = 0\n{start}[data]\ntrain = "task.csv"\n'
            f"[train]\nbatch_size = 8\nlr = 1e-2\n{train}\n[strategy]\nname = \"{strategy}\"\n")
    text += "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
    (work / "task.toml").write_text(text)
    return work / "task.toml"


@torch.no_grad()
def logits(model, base, texts):
    tokenizer = AutoTokenizer.from_pretrained(base)
    model.eval()
    return torch.cat([model(**tokenizer([text], return_tensors="pt")).logits for text in texts])


def load_base(path):
    return AutoModelForSequenceClassification.from_pretrained(path, num_labels=3, ignore_mismatched_sizes=True)


def compare(what, got, expected):
    difference = (got - expected).abs().max().item()
    fine = difference <= TOLERANCE and expected.abs().max() > 1e-3
    print(f"{what:60} {difference:.2e}{'' if fine else '  DIFFERS'}", flush=True)
    if not fine:
        failures.append(what)


def check_thaw_to_peft(name, base, kind, work, texts):
    settings = {"r": 4, "alpha": 8.0, "rslora": kind == "rslora", "dropout": 0.1}
    config = write_config(work, base, "dora" if kind == "dora" else "lora", "steps = 12", **settings)
    out = work / f"{name}-{kind}"
    run_thaw("train", config, "--out", out)
    expected = predict(out, work)
    torch.manual_seed(7)  # the head that the adapter replaces
    with_adapter = PeftModel.from_pretrained(load_base(base), out / "adapter")
    compare(f"{name} {kind}: trained by thaw, read by PEFT", logits(with_adapter, base, texts), expected)
    start = predict_start(name, base, kind, work)
    if (expected - start).abs().max() < 1e-3:
        failures.append("training changed nothing")
    compare(f"{name} {kind}: thaw's adapter/ read by thaw", predict(out / "adapter", work), expected)
    compare(f"{name} {kind}: thaw's run read by transformers", logits(load_base(out), out, texts), expected)


def predict_start(name, base, kind, work):
    out = work / f"{name}-{kind}-start"
    run_thaw("train", write_config(work, base, "full", "epochs = 0"), "--out", out)
    return predict(out, work)


def check_peft_to_thaw(name, base, kind, work, texts):
    torch.manual_seed(3)
    model = get_peft_model(load_base(base), LoraConfig(
        task_type="SEQ_CLS", r=4, lora_alpha=6, lora_dropout=0.1, use_rslora=kind == "rslora", use_dora=kind == "dora",
        target_modules=["q_lin", "v_lin"] if name == "distilbert" else None,
        modules_to_save=["pre_classifier"] if name == "distilbert" else None))
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            if "lora_B" in parameter_name:
                parameter.normal_(0, 0.1)
            elif "magnitude" in parameter_name:
                parameter.mul_(1 + 0.1 * torch.randn_like(parameter))
            elif "classifier.modules_to_save" in parameter_name:
                parameter.normal_(0, 0.3)
    adapter = work / f"{name}-{kind}-peft"
    model.save_pretrained(adapter)
    expected = logits(model, base, texts)
    compare(f"{name} {kind}: made by PEFT, read by thaw", predict(adapter, work), expected)
    merged = work / f"{name}-{kind}-merged"
    run_thaw("merge", "--model", adapter, "--out", merged)
    compare(f"{name} {kind}: made by PEFT, merged by thaw", predict(merged, work), expected)
    compare(f"{name} {kind}: merged by thaw, read by transformers", logits(load_base(merged), merged, texts), expected)
    same = {"r": 4, "alpha": 6.0, "rslora": kind == "rslora"}
    for strategy, settings in [("dora" if kind == "dora" else "lora", same), ("full", {})]:
        out = work / f"{name}-{kind}-from-{strategy}"
        run_thaw("train", write_config(work, base, strategy, "epochs = 0", adapter, **settings), "--out", out)
        compare(f"{name} {kind}: made by PEFT, model.init of {strategy}", predict(out, work), expected)


def main():
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        texts = write_data(work)
        bases = {"model": pathlib.Path(options.folder).resolve()} if options.folder else small_models(work)
        for name, base in bases.items():
            for kind in KINDS:
                check_thaw_to_peft(name, base, kind, work, texts)
                check_peft_to_thaw(name, base, kind, work, texts)
    print(f"{len(failures)} differences above {TOLERANCE}")
    sys.exit(1 if failures else 0)


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--thaw", required=True)
parser.add_argument("--folder")
options = parser.parse_args()
main()
