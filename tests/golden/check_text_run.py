#!/usr/bin/env python3
"""Fine-tunes a text model in thaw by an explicit plan and compares what came of it with PyPI's torch and transformers,
on sentences of your own: a CSV with the columns text and label, two classes, 480 rows or more.

  finetune/cases/get.sh minilm text
  python tests/golden/check_text_run.py --thaw build/release/bin/thaw \\
      --model finetune/cases/minilm --sentences finetune/cases/text/test_news.csv

Compared: the loss of 30 steps in which groups thaw, freeze again and have their own multipliers of the rate; then, with
the fine-tuned weights, `predict` (logits), `eval` (loss, accuracy) and `embed`. Prints the largest differences; exits
with 1 where one is beyond its limit. Needs torch, transformers and safetensors.
"""
import argparse
import json
import pathlib
import tempfile

import torch
from transformers import AutoTokenizer

import check_text_model as reference
from check_text_model import check, run

STEPS = 30
# (first step, what trains, multipliers of the rate): a thaw from the top, the embeddings alone with the head, all but
# norms, two layers in the middle.
PLAN = [
    (0, "layer.5, head", {"head": 1.0, "layer.5": 0.5}),
    (7, "layer.[3-5], head", {"head": 1.0, "layer.5": 0.6, "layer.4": 0.36, "layer.3": 0.2}),
    (14, "embeddings, head", {"embeddings": 0.3, "head": 0.7}),
    (19, "all, !kind:norm", {"embeddings": 0.05, "layer.*": 0.4, "head": 1.0}),
    (26, "layer.[1-2]", {"layer.1": 2.0, "layer.2": 0.8}),
]


def trained_by(selector, group, name):
    """The selectors of PLAN, and no others."""
    if selector == "all, !kind:norm":
        return "LayerNorm" not in name
    wanted = {"layer.[3-5]": ["layer.3", "layer.4", "layer.5"], "layer.[1-2]": ["layer.1", "layer.2"]}
    return any(group in wanted.get(part, [part]) for part in selector.split(", "))


def torch_phases(model):
    groups = reference.groups_of(model)
    names = ["embeddings"] + [f"layer.{i}" for i in range(len(groups) - 2)] + ["head"]
    phases = []
    for first, selector, multipliers in PLAN:
        rates = {}
        for group, members in zip(names, groups):
            rate = multipliers.get(group, multipliers.get("layer.*") if group.startswith("layer.") else None)
            rates.update({n: rate for n in members if trained_by(selector, group, n)})
        phases.append((first, rates))
    return phases


def plan_text():
    text = '[strategy]\nname = "plan"\n'
    for first, selector, multipliers in PLAN:
        rates = ", ".join(f'"{name}" = {rate}' for name, rate in multipliers.items())
        text += f'[[strategy.phase]]\nat = "step {first}"\ntrain = "{selector}"\nlr_mult = {{ {rates} }}\n'
    return text


def torch_answers(model, tokenizer, texts, labels, length):
    """Logits, loss and accuracy, and pooled states, of padded batches of 32."""
    model.eval()
    logits, pooled = [], []
    for begin in range(0, len(texts), 32):
        part = tokenizer(texts[begin : begin + 32], padding=True, truncation=True, max_length=length, return_tensors="pt")
        with torch.no_grad():
            found = model(part["input_ids"], part["attention_mask"])
        logits.append(found[0])
        pooled.append(found[1])
    logits = torch.cat(logits)
    loss = torch.nn.functional.cross_entropy(logits.double(), torch.tensor(labels)).item()
    accuracy = (logits.argmax(1) == torch.tensor(labels)).double().mean().item()
    return logits, loss, accuracy, torch.nn.functional.normalize(torch.cat(pooled))


def compare_answers(arguments, folder, config, texts, labels, work):
    model, tokenizer = reference.Classifier(folder), AutoTokenizer.from_pretrained(folder)
    lines = work / "texts.txt"
    lines.write_text("".join(" ".join(text.split()) + "\n" for text in texts), encoding="utf-8")
    logits, loss, accuracy, embeddings = torch_answers(model, tokenizer, texts, labels, reference.LENGTH)
    asked = {what: run(arguments.thaw, what, "--model", folder, "--input", lines, *more).splitlines()
             for what, more in (("predict", ["--json"]), ("embed", []))}
    found = torch.tensor([json.loads(line)["logits"] for line in asked["predict"]])
    check(f"logits of predict, {len(texts)} sentences", (found - logits).abs().max().item(), 1e-5)
    found = torch.tensor([json.loads(line)["embedding"] for line in asked["embed"]])
    check("embeddings of embed", (found - embeddings).abs().max().item(), 1e-5)
    found = json.loads(run(arguments.thaw, "eval", config, "--model", folder, "--json", "--set",
                           f"data.test={arguments.sentences.resolve()}"))
    check("loss of eval", abs(found["loss"] - loss), 1e-5)
    check("accuracy of eval", abs(found["accuracy"] - accuracy), 1e-9)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--thaw", type=pathlib.Path, required=True, help="the program")
    parser.add_argument("--model", type=pathlib.Path, required=True, help="a folder of a BERT of six layers, mean pooling")
    parser.add_argument("--sentences", type=pathlib.Path, required=True, help="a CSV with the columns text and label")
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        data = arguments.sentences.resolve()
        config = work / "start.toml"
        config.write_text(reference.config_text(data, arguments.model, "", STEPS).replace(f"steps = {STEPS}", "epochs = 0"))
        run(arguments.thaw, "train", config, "--out", work / "start")

        texts, labels = reference.read(data, None)
        count = STEPS * reference.BATCH
        train = list(reference.batches(tokenizer, texts[:count], labels[:count], reference.BATCH))
        model = reference.Classifier(work / "start")
        expected = reference.torch_losses(model, train, 3e-4, torch_phases(model), STEPS)
        text = reference.config_text(data, work / "start", plan_text(), STEPS)
        found = reference.thaw_losses(arguments, work, "plan", text)
        reference.compare_losses("an explicit plan", found, expected)
        compare_answers(arguments, work / "plan", config, texts, labels, work)
    reference.finish()


if __name__ == "__main__":
    main()
