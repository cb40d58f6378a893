#!/usr/bin/env python3
"""Compares a text model in thaw with PyPI's torch and transformers on the same weights and sentences.

  finetune/cases/get.sh minilm text
  python tests/golden/check_text_model.py --thaw build/release/bin/thaw \
      --model finetune/cases/minilm --data finetune/cases/text

Compared: every layer's states, the logits, the gradient of every parameter, the sentence embeddings, and the loss of
50 training steps of `full`, of gradual unfreezing with rates divided by 2.6 a group, and of LoRA. Prints the largest
differences; exits with 1 where one is beyond its limit. Needs torch, transformers and safetensors.
"""
import argparse
import csv
import json
import math
import pathlib
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, BertModel
from transformers.utils import logging

logging.set_verbosity_error()
logging.disable_progress_bar()

LENGTH = 64
STEPS = 50
BATCH = 16
failures = []


def check(what, value, limit):
    print(f"{what:58} {value:.3g}   limit {limit:g}")
    if not value <= limit:
        failures.append(what)


def finish():
    if failures:
        sys.exit("beyond the limit: " + ", ".join(failures))


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stderr}")
    return done.stdout


class Classifier(torch.nn.Module):
    """BertModel with the mean of the tokens' states and a linear classifier, as thaw builds it."""

    def __init__(self, folder, classes=2):
        super().__init__()
        self.bert = BertModel.from_pretrained(folder, attn_implementation="eager", add_pooling_layer=False)
        self.classifier = torch.nn.Linear(self.bert.config.hidden_size, classes)
        weights = load_file(folder / "model.safetensors")
        self.load_state_dict({k: v for k, v in weights.items() if k.startswith("classifier.")}, strict=False)

    def forward(self, ids, mask):
        out = self.bert(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        weight = mask.unsqueeze(-1).float()
        pooled = (out.last_hidden_state * weight).sum(1) / weight.sum(1)
        return self.classifier(pooled), pooled, out.hidden_states


def batches(tokenizer, texts, labels, size):
    for begin in range(0, len(texts), size):
        part = tokenizer(texts[begin : begin + size], padding=True, truncation=True, max_length=LENGTH,
                         return_tensors="pt")
        yield part["input_ids"], part["attention_mask"], torch.tensor(labels[begin : begin + size])


def read(path, rows):
    with open(path, newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))[:rows]
    names = sorted({row["label"] for row in found})
    return [row["text"] for row in found], [names.index(row["label"]) for row in found]


def largest(differences):
    """NaN where one of them is, which Python's max() may pass over."""
    return torch.tensor(differences, dtype=torch.float64).max().item()


def compare_forward(model, tokenizer, texts, labels, dump):
    model.eval()
    states_differ, logits_differ = [], []
    for k, (ids, mask, label) in enumerate(batches(tokenizer, texts, labels, 32)):
        assert torch.equal(ids, dump[f"tokens.{k}"]) and torch.equal(mask.bool(), dump[f"mask.{k}"]), "tokens differ"
        with torch.no_grad():
            found, _, states = model(ids, mask)
        for i, state in enumerate(states):
            states_differ.append((state - dump[f"states.{k}.{i}"])[mask.bool()].abs().max().item())
        logits_differ.append((found - dump[f"logits.{k}"]).abs().max().item())
        if k == 0:
            compare_gradients(model, ids, mask, label, dump)
    check(f"states of every layer, {len(texts)} sentences", largest(states_differ), 1e-5)
    check("logits", largest(logits_differ), 1e-5)


def compare_gradients(model, ids, mask, label, dump):
    torch.nn.functional.cross_entropy(model(ids, mask)[0], label).backward()
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    norm = math.sqrt(sum(g.double().square().sum().item() for g in gradients.values()))
    ratios = []
    for name, reference in gradients.items():
        difference = (reference - dump["grad." + name]).double().norm().item()
        ratios.append(difference / max(reference.double().norm().item(), 1e-3 * norm))
    assert len(gradients) == sum(name.startswith("grad.") for name in dump), "not the same parameters"
    check(f"gradients of {len(gradients)} parameters, relative norm", largest(ratios), 1e-4)
    model.zero_grad()


def compare_embeddings(arguments, model, tokenizer, texts, work):
    lines = work / "texts.txt"
    lines.write_text("".join(text.replace("\n", " ") + "\n" for text in texts), encoding="utf-8")
    found = run(arguments.thaw, "embed", "--model", arguments.model, "--input", lines).splitlines()
    model.eval()
    differ, at = [], 0
    declared = json.loads((arguments.model / "sentence_bert_config.json").read_text())["max_seq_length"]
    for begin in range(0, len(texts), 32):
        part = tokenizer(texts[begin : begin + 32], padding=True, truncation=True, max_length=declared,
                         return_tensors="pt")
        with torch.no_grad():
            pooled = model(part["input_ids"], part["attention_mask"])[1]
        for vector in torch.nn.functional.normalize(pooled):
            differ.append((vector - torch.tensor(json.loads(found[at])["embedding"])).abs().max().item())
            at += 1
    check(f"sentence embeddings of {at} texts", largest(differ), 1e-5)


def groups_of(model):
    """Names of parameters from bottom to top."""
    layers = model.bert.config.num_hidden_layers
    groups = [[] for _ in range(layers + 2)]
    for name, _ in model.named_parameters():
        if name.startswith("classifier."):
            groups[-1].append(name)
        elif ".layer." in name:
            groups[1 + int(name.split(".layer.")[1].split(".")[0])].append(name)
        else:
            groups[0].append(name)
    return groups


def torch_losses(model, data, lr, phases, steps=STEPS):
    """phases: [(first step, {name: multiplier of the rate})]; what is not named is frozen."""
    model.train()
    parameters = dict(model.named_parameters())
    optimizer = torch.optim.AdamW([{"params": [p], "name": n} for n, p in parameters.items()], lr=lr, weight_decay=0.01)
    warmup, losses = 5, []
    for step in range(steps):
        multipliers = [m for first, m in phases if first <= step][-1]
        factor = step / warmup if step < warmup else (steps - step) / (steps - warmup)
        for group in optimizer.param_groups:
            group["lr"] = lr * factor * multipliers.get(group["name"], 0.0)
            group["params"][0].requires_grad_(group["name"] in multipliers)
        ids, mask, label = data[step % len(data)]
        loss = torch.nn.functional.cross_entropy(model(ids, mask)[0], label)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for p in parameters.values() if p.grad is not None], 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


def config_text(data, start, strategy, steps=STEPS):
    return f"""
[model]
from = "{start.resolve()}"
dropout = 0.0
max_length = {LENGTH}
[data]
train = "{data}"
validation_fraction = 0
[train]
steps = {steps}
batch_size = {BATCH}
shuffle = false
lr = 3e-4
schedule = "linear"
warmup_steps = 5
clip_norm = 1.0
checkpoint_every = "never"
{strategy}
"""


def thaw_losses(arguments, work, name, text):
    config = work / f"{name}.toml"
    config.write_text(text)
    run(arguments.thaw, "train", config, "--out", work / name)
    lines = [json.loads(line) for line in (work / name / "metrics.jsonl").read_text().splitlines()]
    return [line["loss"] for line in lines if "split" not in line]


def compare_losses(what, found, expected):
    assert len(found) == len(expected)
    check(f"loss of {len(found)} steps, {what}, relative", largest([abs(a - b) / b for a, b in zip(found, expected)]), 1e-4)


def gradual_phases(model):
    groups = groups_of(model)
    phases, text = [], '[strategy]\nname = "plan"\n'
    names = ["embeddings"] + [f"layer.{i}" for i in range(len(groups) - 2)] + ["head"]
    for depth in range(4):
        first = depth * 12
        open_groups = list(range(len(groups) - 1 - depth, len(groups)))
        multiplier = {g: 2.6 ** (g - len(groups) + 1) for g in open_groups}
        phases.append((first, {n: multiplier[g] for g in open_groups for n in groups[g]}))
        rates = ", ".join(f'"{names[g]}" = {multiplier[g]!r}' for g in open_groups)
        text += (f'[[strategy.phase]]\nat = "step {first}"\ntrain = "{", ".join(names[g] for g in open_groups)}"\n'
                 f"lr_mult = {{ {rates} }}\n")
    return phases, text


class LoraLinear(torch.nn.Module):
    def __init__(self, base, a, alpha):
        super().__init__()
        self.base, self.scale = base, alpha / a.shape[0]
        self.lora_A = torch.nn.Parameter(a.clone())
        self.lora_B = torch.nn.Parameter(torch.zeros(base.out_features, a.shape[0]))

    def forward(self, x):
        return self.base(x) + self.scale * (x @ self.lora_A.T @ self.lora_B.T)


def with_lora(model, work):
    """LoRA r = 8 on query and value with random A, whose weights go to a file that thaw starts from."""
    weights = {}
    for i, layer in enumerate(model.bert.encoder.layer):
        for name in ("query", "value"):
            base = getattr(layer.attention.self, name)
            a = torch.randn(8, base.in_features) * 0.05
            setattr(layer.attention.self, name, LoraLinear(base, a, 16))
            path = f"base_model.model.bert.encoder.layer.{i}.attention.self.{name}"
            weights[f"{path}.lora_A.weight"] = a
            weights[f"{path}.lora_B.weight"] = torch.zeros(base.out_features, 8)
    save_file(weights, work / "lora.safetensors")
    trained = {n: 1.0 for n, _ in model.named_parameters() if "lora_" in n or n.startswith("classifier.")}
    return [(0, trained)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--thaw", type=pathlib.Path, required=True, help="the program")
    parser.add_argument("--model", type=pathlib.Path, required=True, help="a folder of a BERT that declares mean pooling")
    parser.add_argument("--data", type=pathlib.Path, required=True, help="a folder with train.csv and test.csv: text,label")
    parser.add_argument("--sentences", type=int, default=200)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(2)
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        data = (arguments.data / "train.csv").resolve()
        # The classifier's first weights are thaw's.
        start = work / "start"
        thaw_config = config_text(data, arguments.model, "").replace(f"steps = {STEPS}", "epochs = 0")
        (work / "start.toml").write_text(thaw_config)
        run(arguments.thaw, "train", work / "start.toml", "--out", start)

        texts, labels = read(arguments.data / "test.csv", arguments.sentences)
        table = work / "sentences.csv"
        with open(table, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["text", "label"], *zip(texts, ["positive" if l else "negative" for l in labels])])
        run(arguments.thaw.parent / "tools" / "dump_text_model", start, table, 32, work / "dump.safetensors")
        model = Classifier(start)
        compare_forward(model, tokenizer, texts, labels, load_file(work / "dump.safetensors"))
        compare_embeddings(arguments, model, tokenizer, texts, work)

        train = list(batches(tokenizer, *read(data, STEPS * BATCH), BATCH))
        model = Classifier(start)
        names = {n: 1.0 for n, _ in model.named_parameters()}
        found = thaw_losses(arguments, work, "full", config_text(data, start, ""))
        compare_losses("full", found, torch_losses(model, train, 3e-4, [(0, names)]))
        model = Classifier(start)
        phases, text = gradual_phases(model)
        found = thaw_losses(arguments, work, "gradual", config_text(data, start, text))
        compare_losses("gradual, rates divided by 2.6 a group", found, torch_losses(model, train, 3e-4, phases))
        model = Classifier(start)
        phases = with_lora(model, work)
        text = config_text(data, start, '[strategy]\nname = "lora"\nr = 8\nalpha = 16\ndropout = 0.0\n'
                           'target_modules = ["query", "value"]\n')
        text = text.replace("dropout = 0.0\nmax", f'dropout = 0.0\ninit = "{work}/lora.safetensors"\nmax', 1)
        found = thaw_losses(arguments, work, "lora", text)
        compare_losses("LoRA r = 8 on query and value", found, torch_losses(model, train, 3e-4, phases))
    finish()


if __name__ == "__main__":
    main()
