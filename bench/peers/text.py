#!/usr/bin/env python3
"""The text case's recipes in thaw and in PyPI's torch and transformers: the same samples, batches, rates and first
weights, dropout by each one's own random numbers. Are the accuracies equivalent, and what does each take?

  finetune/cases/get.sh minilm text
  python bench/peers/text.py --thaw build/release/bin/thaw --seeds 5 [--strategies full,head,gradual] [--samples 500]

Programs take turns. For each strategy: accuracies on the test sentences and seconds of training of each seed, and the
90 % interval (Student's t, paired by seed) of the mean difference. Equivalent: it lies within 1.5 points. What is
measured goes to --out as it comes, and a run that stands there with the same samples, rate and threads is not made
again.
"""
import argparse
import csv
import hashlib
import json
import math
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib

import torch
import transformers
from safetensors.torch import load_file
from transformers import AutoTokenizer, BertModel
from transformers.utils import logging

logging.set_verbosity_error()
logging.disable_progress_bar()

CASE = pathlib.Path("finetune/cases/text.toml")
SETTINGS = tomllib.loads(CASE.read_text())
MARGIN = 0.015
# Student's t, 95 % quantiles by degrees of freedom (a two-sided 90 % interval).
T95 = {1: 6.314, 2: 2.920, 3: 2.353, 4: 2.132, 5: 2.015, 6: 1.943, 7: 1.895, 8: 1.860, 9: 1.833, 14: 1.761, 19: 1.729}


def rate_of(strategy):
    """The case's own; `full` has no other than train.lr."""
    return SETTINGS["compare"]["rates"].get(strategy, SETTINGS["train"]["lr"])


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stderr}")
    return done.stdout


class Classifier(torch.nn.Module):
    def __init__(self, folder):
        super().__init__()
        self.bert = BertModel.from_pretrained(folder, add_pooling_layer=False)
        self.classifier = torch.nn.Linear(self.bert.config.hidden_size, 2)
        self.dropout = torch.nn.Dropout(self.bert.config.hidden_dropout_prob)
        weights = load_file(folder / "model.safetensors")
        self.load_state_dict({k: v for k, v in weights.items() if k.startswith("classifier.")}, strict=False)

    def forward(self, part):
        states = self.bert(input_ids=part["input_ids"], attention_mask=part["attention_mask"]).last_hidden_state
        weight = part["attention_mask"].unsqueeze(-1).float()
        return self.classifier(self.dropout((states * weight).sum(1) / weight.sum(1)))


def group_of(name, layers):
    if name.startswith("classifier."):
        return layers + 1
    return 1 + int(name.split(".layer.")[1].split(".")[0]) if ".layer." in name else 0


def is_trained(strategy, group, epoch, layers):
    reach = {"full": layers + 1, "head": 0, "gradual": epoch}[strategy]  # groups below the head
    return group >= layers + 1 - reach


def torch_run(strategy, start, batches, tokenizer, test, seed):
    torch.manual_seed(seed)
    model = Classifier(start)
    layers = model.bert.config.num_hidden_layers
    texts, labels, updates = batches["texts"], torch.tensor(batches["labels"]), batches["updates"]
    parameters = list(model.named_parameters())
    optimizer = torch.optim.AdamW([p for _, p in parameters], lr=rate_of(strategy), weight_decay=batches["weight_decay"])
    per_epoch = math.ceil(len(texts) / len(updates[0][0]))
    warmup = batches["warmup"]
    tokens = [tokenizer(text, truncation=True, max_length=batches["max_length"]) for text in texts]
    begin = time.perf_counter()  # thaw's seconds of training have no tokenizing either
    model.train()
    for step, update in enumerate(updates):
        if step % per_epoch == 0:
            for name, p in parameters:
                p.requires_grad_(is_trained(strategy, group_of(name, layers), step // per_epoch, layers))
        factor = step / warmup if step < warmup else (len(updates) - step) / (len(updates) - warmup)
        optimizer.param_groups[0]["lr"] = rate_of(strategy) * factor
        rows = update[0]
        part = tokenizer.pad([tokens[r] for r in rows], return_tensors="pt")
        optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(model(part), labels[rows]).backward()
        optimizer.step()
    seconds = time.perf_counter() - begin
    return {"accuracy": torch_accuracy(model, tokenizer, batches["max_length"], *test), "seconds": seconds}


def torch_accuracy(model, tokenizer, max_length, texts, labels):
    model.eval()
    right = 0
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    with torch.no_grad():
        for begin in range(0, len(order), 32):
            rows = order[begin : begin + 32]
            part = tokenizer([texts[r] for r in rows], padding=True, truncation=True, max_length=max_length,
                             return_tensors="pt")
            right += sum(int(a == labels[r]) for a, r in zip(model(part).argmax(1), rows))
    return right / len(texts)


def thaw_run(arguments, strategy, seed, config, work):
    out = work / f"{strategy}-{seed}"
    found = json.loads(run(arguments.thaw, "train", config, "--strategy", strategy, "--out", out, "--json", "--threads",
                           torch.get_num_threads(), "--set", f"train.seed={seed}", "--set",
                           f"train.lr={rate_of(strategy)}"))
    report = json.loads((out / "run.json").read_text())
    return {"accuracy": found["test"]["accuracy"], "seconds": report["seconds"]["train"]}


def key_of(arguments, strategy, seed, side):
    """What a measurement in --out is of."""
    program = f"torch {torch.__version__}, transformers {transformers.__version__}"
    if side == "thaw":
        program = "thaw " + hashlib.sha256(arguments.thaw.read_bytes()).hexdigest()[:12]
    case = hashlib.sha256(CASE.read_bytes()).hexdigest()[:12]
    return (f"{strategy} {seed} {side}, {arguments.samples} samples of each class, lr {rate_of(strategy)}, "
            f"{arguments.threads} threads, {program}, case {case}")


def measure(arguments, known, write):
    tokenizer = AutoTokenizer.from_pretrained(CASE.parent / "minilm")
    with open(CASE.parent / "text" / "test.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    test = [r["text"] for r in rows], [int(r["label"] == "positive") for r in rows]
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        # The case without what costs time and changes nothing.
        config = work / "text.toml"
        text = CASE.read_text().replace('"minilm"', f'"{(CASE.parent / "minilm").resolve()}"')
        text = text.replace('= "text/', f'= "{(CASE.parent / "text").resolve()}/')
        text = "".join(line for line in text.splitlines(True) if not line.startswith("shifted"))
        text = text.replace("samples_per_class = 500", f"samples_per_class = {arguments.samples}")
        config.write_text(text.replace("[train]", '[train]\neval_every = "never"'))
        for seed in range(arguments.seeds):
            batches = json.loads(run(arguments.thaw.parent / "tools" / "dump_batches", config, seed))
            for strategy in arguments.strategies.split(","):
                start = work / f"start-{strategy}-{seed}"
                for side in ("thaw", "torch"):
                    key = key_of(arguments, strategy, seed, side)
                    if key in known:
                        continue
                    if side == "thaw":
                        known[key] = thaw_run(arguments, strategy, seed, config, work)
                    else:
                        run(arguments.thaw, "train", config, "--out", start, "--set", "train.epochs=0", "--set",
                            f"train.seed={seed}")
                        known[key] = torch_run(strategy, start, batches, tokenizer, test, seed)
                    print(key, known[key], flush=True)
                    write(known)


def report(arguments, known):
    for strategy in arguments.strategies.split(","):
        sides = {side: [known[key_of(arguments, strategy, seed, side)] for seed in range(arguments.seeds)]
                 for side in ("thaw", "torch")}
        differences = [a["accuracy"] - b["accuracy"] for a, b in zip(sides["thaw"], sides["torch"])]
        mean = statistics.mean(differences)
        half = math.inf
        if len(differences) > 1:
            quantile = T95[max(k for k in T95 if k <= len(differences) - 1)]
            half = quantile * statistics.stdev(differences) / math.sqrt(len(differences))
        verdict = "equivalent" if -MARGIN <= mean - half and mean + half <= MARGIN else "not shown to be equivalent"
        print(f"{strategy}: " + ", ".join(
            f"{side} {statistics.mean(r['accuracy'] for r in runs):.4f} in {statistics.median(r['seconds'] for r in runs):.1f} s"
            for side, runs in sides.items()) + f"; difference {mean:+.4f} ± {half:.4f}: {verdict}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--thaw", type=pathlib.Path, required=True, help="the program")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--samples", type=int, default=500, help="of each class")
    parser.add_argument("--strategies", default="full,head,gradual")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("build/text-peers.json"))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    known = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
    measure(arguments, known, lambda all_runs: arguments.out.write_text(json.dumps(all_runs, indent=1)))
    report(arguments, known)


main()
