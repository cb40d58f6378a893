#!/usr/bin/env python3
"""What a frozen part costs: runs of the text case in thaw and in PyPI's torch and transformers, without dropout on either
side, so that the losses can be compared. PyTorch goes twice: as its users write it, with a whole forward pass in each update, and with what the
always frozen part gives computed once and kept by hand.

  finetune/cases/get.sh minilm text
  python bench/peers/frozen.py --thaw build/release/bin/thaw [--rounds 3] [--random]

The same samples, batches, rates and first weights on both sides, 4 epochs; programs take turns, a run each. A later epoch
is a quarter of what 4 epochs more take (of a head on kept features: an 80th of 80 more, for they take so little). --random: 256 texts of 128 random word pieces in batches of 32, instead of 1,000
film sentences in batches of 16. Seconds of training: without loading, tokenizing and evaluating. The last column has the
losses of the last update: they differ by rounding alone.
"""
import argparse
import csv
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

import torch
import transformers
from safetensors.torch import load_file
from transformers import AutoTokenizer, BertModel

CASE = pathlib.Path("finetune/cases/text.toml")
RATES = {"head": 3e-2, "top-1": 3e-4, "gradual": 3e-4}


def run(*command, environment=None):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stderr}")
    return done.stdout


def write_random_texts(path, tokenizer):
    words = [word for word in tokenizer.get_vocab() if word.isalpha() and word.isascii() and word.islower()]
    draw = random.Random(0)
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for i in range(256):
            writer.writerow([" ".join(draw.choices(words, k=126)), ["negative", "positive"][i % 2]])


def write_config(arguments, folder, tokenizer):
    text = CASE.read_text().replace('"minilm"', f'"{(CASE.parent / "minilm").resolve()}"')
    lines = [line for line in text.splitlines() if not line.startswith(("shifted", "test", "training_score"))]
    text = "\n".join(lines).replace('= "text/', f'= "{(CASE.parent / "text").resolve()}/')
    text = text.replace("[train]", '[train]\neval_every = "never"')
    if arguments.random:
        write_random_texts(folder / "random.csv", tokenizer)
        lines = [line for line in text.splitlines()
                 if not line.startswith(("train =", "validation =", "samples_per_class", "max_length", "batch_size"))]
        text = "\n".join(lines).replace("[data]", f'[data]\ntrain = "{folder}/random.csv"\nvalidation_fraction = 0')
        text = text.replace("[train]", "[train]\nbatch_size = 32").replace("[data]", "max_length = 128\n[data]", 1)
    (folder / "text.toml").write_text(text + "\n")
    return folder / "text.toml"


class ThawRuns:
    def __init__(self, arguments, config, folder):
        self.arguments, self.config, self.folder, self.number = arguments, config, folder, 0

    def __call__(self, strategy, epochs):
        self.number += 1
        out = self.folder / f"run-{self.number}"
        begin = time.perf_counter()
        # Nothing is taken from an earlier run.
        run(self.arguments.thaw, "train", self.config, "--strategy", strategy, "--out", out, "--threads",
            self.arguments.threads, "--set", f"train.epochs={epochs}", "--set", f"train.lr={RATES[strategy]}",
            "--set", "model.dropout=0", "--set", "train.cache_disk=0B",
            "--set", 'train.schedule="constant"', "--set", "train.warmup_fraction=0")
        wall = time.perf_counter() - begin
        report = json.loads((out / "run.json").read_text())
        return report["seconds"]["train"], report["final_loss"], wall


class Classifier(torch.nn.Module):
    def __init__(self, folder):
        super().__init__()
        without = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
        self.bert = BertModel.from_pretrained(folder, add_pooling_layer=False, **without)
        self.classifier = torch.nn.Linear(self.bert.config.hidden_size, 2)
        weights = load_file(folder / "model.safetensors")
        self.load_state_dict({k: v for k, v in weights.items() if k.startswith("classifier.")}, strict=False)

    def freeze(self, trained):
        """All but the head and the `trained` layers below it."""
        layers = self.bert.encoder.layer
        self.bert.requires_grad_(False)
        for layer in layers[len(layers) - trained:]:
            layer.requires_grad_(True)

    def below(self, layers, part):
        """The states after so many layers."""
        states = self.bert.embeddings(part["input_ids"])
        for layer in self.bert.encoder.layer[:layers]:
            states = self.layer(layer, states, part)
        return states

    def layer(self, layer, states, part):
        mask = None
        if not part["attention_mask"].all():
            mask = (1.0 - part["attention_mask"][:, None, None, :].float()) * torch.finfo(torch.float32).min
        out = layer(states, attention_mask=mask)
        return out[0] if isinstance(out, tuple) else out

    def above(self, layers, states, part):
        for layer in self.bert.encoder.layer[layers:]:
            states = self.layer(layer, states, part)
        weight = part["attention_mask"].unsqueeze(-1).float()
        return self.classifier((states * weight).sum(1) / weight.sum(1))


class TorchRuns:
    def __init__(self, arguments, folder, batches, tokenizer, by_hand):
        self.threads, self.folder, self.by_hand = arguments.threads, folder, by_hand
        self.tokenizer, self.updates = tokenizer, batches["updates"]
        self.labels, self.weight_decay = torch.tensor(batches["labels"]), batches["weight_decay"]
        self.tokens = [tokenizer(text, truncation=True, max_length=batches["max_length"]) for text in batches["texts"]]

    def pad(self, rows):
        return self.tokenizer.pad([self.tokens[row] for row in rows], return_tensors="pt")

    def keep(self, model, layers, pooled):
        """Of every text what so many layers give: its tokens' states, or their mean."""
        kept = []
        with torch.no_grad():
            for begin in range(0, len(self.tokens), 32):
                part = self.pad(range(begin, min(begin + 32, len(self.tokens))))
                states = model.below(layers, part)
                for i, mask in enumerate(part["attention_mask"]):
                    own = states[i, : int(mask.sum())]
                    kept.append(own.mean(0) if pooled else own.clone())
        return kept

    def __call__(self, strategy, epochs):
        torch.manual_seed(0)
        model = Classifier(self.folder).train()
        layers = model.bert.config.num_hidden_layers
        per_epoch = len(self.updates) // 4
        begin = time.perf_counter()
        deepest = {"head": 0, "top-1": 1, "gradual": min(epochs, layers) - 1}[strategy]
        model.freeze(deepest)
        optimizer = torch.optim.AdamW(model.parameters(), lr=RATES[strategy], weight_decay=self.weight_decay)
        kept = self.keep(model, layers - deepest, strategy == "head") if self.by_hand else None
        for step in range(epochs * per_epoch):
            if step % per_epoch == 0:
                model.freeze(min(step // per_epoch, layers) if strategy == "gradual" else deepest)
            rows = self.updates[step % len(self.updates)][0]
            if kept is None:
                part = self.pad(rows)
                outputs = model.above(0, model.below(0, part), part)
            elif strategy == "head":
                outputs = model.classifier(torch.stack([kept[row] for row in rows]))
            else:
                part = self.pad(rows)
                states = torch.nn.utils.rnn.pad_sequence([kept[row] for row in rows], batch_first=True)
                outputs = model.above(layers - deepest, states, part)
            optimizer.zero_grad(set_to_none=True)
            loss = torch.nn.functional.cross_entropy(outputs, self.labels[rows])
            loss.backward()
            optimizer.step()
        return time.perf_counter() - begin, loss.item(), 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--thaw", type=pathlib.Path, required=True, help="the program")
    parser.add_argument("--strategies", default="head,top-1,gradual")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--random", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(CASE.parent / "minilm")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        os.environ["THAW_CACHE"] = str(folder / "cache")
        config = write_config(arguments, folder, tokenizer)
        batches = json.loads(run(arguments.thaw.parent / "tools" / "dump_batches", config, 0))
        run(arguments.thaw, "train", config, "--out", folder / "start", "--set", "train.epochs=0")
        peers = {"thaw": ThawRuns(arguments, config, folder),
                 "PyTorch": TorchRuns(arguments, folder / "start", batches, tokenizer, False),
                 "PyTorch, kept by hand": TorchRuns(arguments, folder / "start", batches, tokenizer, True)}
        print("| strategy | " + " | ".join(f"{peer}: 4 epochs, a later one" for peer in peers) +
              " | later epoch, times PyTorch's | 4 epochs, times by hand | last losses |\n|" + " --- |" * 7)
        for strategy in arguments.strategies.split(","):
            more = {peer: 80 if strategy == "head" and peer != "PyTorch" else 4 for peer in peers}
            seconds = {peer: {"few": [], "many": []} for peer in peers}
            losses = {}
            for number in range(arguments.rounds):
                order = list(peers) if number % 2 == 0 else list(peers)[::-1]
                for peer in order:
                    took, losses[peer], _ = peers[peer](strategy, 4)
                    seconds[peer]["few"].append(took)
                    if strategy != "gradual":
                        seconds[peer]["many"].append(peers[peer](strategy, 4 + more[peer])[0])
            four = {peer: statistics.median(found["few"]) for peer, found in seconds.items()}
            later = {peer: (statistics.median(found["many"]) - four[peer]) / more[peer] if found["many"] else float("nan")
                     for peer, found in seconds.items()}
            cells = [f"{four[peer]:.2f} s, {later[peer]:.4f} s" for peer in peers]
            print(f"| {strategy} | {' | '.join(cells)} | {later['PyTorch'] / later['thaw']:.1f} | "
                  f"{four['PyTorch, kept by hand'] / four['thaw']:.2f} | "
                  f"{', '.join(f'{loss:.4f}' for loss in losses.values())} |", flush=True)


if __name__ == "__main__":
    main()
