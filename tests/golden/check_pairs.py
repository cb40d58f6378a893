#!/usr/bin/env python3
"""Compares thaw with PyPI's torch and transformers on pairs of texts: small cross-encoders with random weights (BERT,
which tells the two texts apart by token types, and DistilBERT, which does not), and pairs of which many are cut.

  python tests/golden/check_pairs.py --thaw build/release/bin/thaw

Compared: the logits of `predict` on 200 pairs, and the loss of 20 steps of full fine-tuning on them. Prints the largest
differences (of logits, beside the largest); exits with 1 where one is beyond its limit. Needs torch, transformers and safetensors.
"""
import argparse
import csv
import json
import pathlib
import random
import tempfile

import torch
import transformers

from check_text_model import check, finish, run

WORDS = "a an the film book dog cat sees reads likes hates old new red blue man woman sleeps runs not very".split()
LENGTH = 24  # tokens; the longer pairs are cut
STEPS, BATCH, RATE = 20, 20, 1e-3


def make_tokenizer(folder):
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + WORDS + ["##s", ".", ","]
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    tokenizer = transformers.BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=LENGTH)
    tokenizer.save_pretrained(folder)
    return tokenizer, len(vocabulary)


def make_model(kind, vocabulary, folder):
    torch.manual_seed(3)
    labels = {"num_labels": 3, "id2label": {0: "entails", 1: "neutral", 2: "contradicts"},
              "label2id": {"entails": 0, "neutral": 1, "contradicts": 2}}
    if kind == "bert":
        config = transformers.BertConfig(vocab_size=vocabulary, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
                                         intermediate_size=64, max_position_embeddings=40, initializer_range=0.3,
                                         hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, **labels)
        model = transformers.BertForSequenceClassification(config)
    else:
        config = transformers.DistilBertConfig(vocab_size=vocabulary, dim=32, n_layers=2, n_heads=4, hidden_dim=64,
                                               max_position_embeddings=40, initializer_range=0.3, dropout=0.0,
                                               attention_dropout=0.0, seq_classif_dropout=0.0, **labels)
        model = transformers.DistilBertForSequenceClassification(config)
    model.save_pretrained(folder)
    return model.eval()


def write_pairs(path):
    rng = random.Random(5)
    sentence = lambda: " ".join(rng.choices(WORDS, k=rng.choice((1, 3, 6, 9, 14, 30)))) + "."
    rows = [(sentence(), sentence(), rng.choice(("entails", "neutral", "contradicts"))) for _ in range(200)]
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([("premise", "hypothesis", "label")] + rows)
    return rows


def encode(tokenizer, rows):
    return tokenizer([r[0] for r in rows], [r[1] for r in rows], padding=True, truncation="longest_first",
                     max_length=LENGTH, return_tensors="pt")


def logits_of(model, tokenizer, rows):
    names = ["input_ids", "attention_mask"] + (["token_type_ids"] if model.config.model_type == "bert" else [])
    part = encode(tokenizer, rows)
    return model(**{name: part[name] for name in names}).logits


def torch_losses(model, tokenizer, rows):
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE)  # the weights are those of a model in evaluation mode
    losses = []
    for step in range(STEPS):
        begin = step * BATCH % len(rows)
        part = rows[begin : begin + BATCH]
        target = torch.tensor([model.config.label2id[r[2]] for r in part])
        loss = torch.nn.functional.cross_entropy(logits_of(model, tokenizer, part), target)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses


def config_text(model, steps):
    return f'''[model]
from = "{model}"
[data]
train = "pairs.csv"
text = "premise"
text_pair = "hypothesis"
classes = ["entails", "neutral", "contradicts"]
validation_fraction = 0.0
[train]
shuffle = false
batch_size = {BATCH}
lr = {RATE}
''' + (f"steps = {steps}\n" if steps else "epochs = 0\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--thaw", required=True, type=pathlib.Path)
    thaw = parser.parse_args().thaw.resolve()
    with tempfile.TemporaryDirectory() as temporary:
        root = pathlib.Path(temporary)
        rows = write_pairs(root / "pairs.csv")
        for kind in ("bert", "distilbert"):
            folder = root / kind
            folder.mkdir()
            tokenizer, vocabulary = make_tokenizer(folder)
            model = make_model(kind, vocabulary, folder)
            cut = sum(len(tokenizer(r[0], r[1])["input_ids"]) > LENGTH for r in rows)
            with torch.no_grad():
                wanted = logits_of(model, tokenizer, rows)
            (root / "start.toml").write_text(config_text(folder, 0))
            run(thaw, "train", root / "start.toml", "--out", root / f"{kind}-start")
            out = run(thaw, "predict", "--model", root / f"{kind}-start", "--input", root / "pairs.csv")
            found = torch.tensor([json.loads(line)["logits"] for line in out.splitlines()])
            relative = ((found - wanted).abs().max() / wanted.abs().max()).item()
            check(f"{kind}: logits of {len(rows)} pairs, {cut} of them cut", relative, 1e-5)
            (root / "steps.toml").write_text(config_text(folder, STEPS))
            run(thaw, "train", root / "steps.toml", "--out", root / f"{kind}-steps")
            lines = [json.loads(line) for line in (root / f"{kind}-steps/metrics.jsonl").read_text().splitlines()]
            losses = [line["loss"] for line in lines if "split" not in line]
            difference = max(abs(a - b) for a, b in zip(losses, torch_losses(model, tokenizer, rows), strict=True))
            check(f"{kind}: loss of {STEPS} steps", difference, 1e-4)
    finish()


if __name__ == "__main__":
    main()
