#!/usr/bin/env python3
"""Adapters between thaw and PyPI's `peft`, both ways: thaw trains LoRA, rsLoRA and DoRA, and PEFT computes the same
logits from its adapter/; PEFT makes adapters with a random B, and thaw computes the same logits from them: read as a
model, merged, as the start of a run, and folded in at the start of one of another strategy. So too where rank_pattern
and alpha_pattern make the layers differ, and after training from there. Where the base has the classes in another order,
PEFT gives each row its name.

Usage: python3 tests/golden/check_peft.py --thaw build/release/bin/thaw [--folder DIR]
--folder: a BERT with its tokenizer (MiniLM); without it a small BERT, DistilBERT, RoBERTa, XLM-RoBERTa, GPT-2 and ViT
are drawn.
Needs: torch, transformers 5, peft. Exits with 1 where logits differ by more than 1e-5.
"""
import argparse
import csv
import dataclasses
import json
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import (AutoModelForImageClassification, AutoModelForSequenceClassification, AutoTokenizer, BertConfig,
                          BertForSequenceClassification, DistilBertConfig, DistilBertForSequenceClassification,
                          GPT2Config, GPT2ForSequenceClassification, RobertaConfig, RobertaForSequenceClassification,
                          ViTConfig, ViTForImageClassification, XLMRobertaConfig, XLMRobertaForSequenceClassification)

TOLERANCE = 1e-5
LABELS = ["bad", "fair", "good"]
WORDS = "the a film was is plot cast good bad fine dull bright story and very not music slow sharp warm".split()
KINDS = ["lora", "rslora", "dora"]
PATTERNS = {"rank_pattern": {r".*\.1\..*": 3, "c_attn|value|v_lin|v_proj": 5},
            "alpha_pattern": {r"(layer|layers|h)\.[1-9]\..+": 9, "^nothing": 2}}
failures = []


@dataclasses.dataclass
class Base:
    """A model that adapters are put on, and what it reads."""
    folder: pathlib.Path
    peft: dict = dataclasses.field(default_factory=dict)  # options of LoraConfig
    config: str = ""  # lines of [model]
    images: bool = False

    def load(self, folder=None):
        kind = AutoModelForImageClassification if self.images else AutoModelForSequenceClassification
        return kind.from_pretrained(folder or self.folder, num_labels=3, ignore_mismatched_sizes=True)

    def data(self):
        return "task-images-idx3-ubyte" if self.images else "task.csv"

    def input(self):
        return self.data() if self.images else "texts.txt"

    def samples(self, work):
        """One at a time, so that none is padded."""
        if self.images:
            pixels = torch.frombuffer(bytearray((work / self.data()).read_bytes()[16:]), dtype=torch.uint8)
            return [{"pixel_values": image} for image in pixels.reshape(-1, 1, 1, 8, 8).float() / 255]
        tokenizer = AutoTokenizer.from_pretrained(self.folder)
        return [tokenizer([text], return_tensors="pt") for text in (work / self.input()).read_text().splitlines()]


def text_bases(folder):
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    size = dict(vocab_size=len(vocabulary), max_position_embeddings=40)
    models = {
        "bert": BertForSequenceClassification(BertConfig(
            hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48, **size)),
        "distilbert": DistilBertForSequenceClassification(DistilBertConfig(
            dim=32, n_layers=2, n_heads=4, hidden_dim=48, **size)),
        # With BERT's tokenizer, whose padding has the id 0.
        "roberta": RobertaForSequenceClassification(RobertaConfig(
            hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48, type_vocab_size=1,
            pad_token_id=0, **size)),
        "xlm-roberta": XLMRobertaForSequenceClassification(XLMRobertaConfig(
            hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48, type_vocab_size=1,
            pad_token_id=0, **size)),
    }
    for name, model in models.items():
        model.save_pretrained(folder / name)
        (folder / name / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
        (folder / name / "tokenizer_config.json").write_text(json.dumps({
            "tokenizer_class": "BertTokenizer",
            **({"model_input_names": ["input_ids", "attention_mask"]} if "roberta" in name else {})}))
    options = {"distilbert": dict(target_modules=["q_lin", "v_lin"], modules_to_save=["pre_classifier"])}
    return {name: Base(folder / name, dict(task_type="SEQ_CLS", **options.get(name, {})), 'pooling = "pooler"\n')
            for name in models}


def gpt2_base(folder):
    """With the byte-level BPE of tests/golden/models."""
    model = GPT2ForSequenceClassification(GPT2Config(vocab_size=40, n_positions=96, n_embd=32, n_layer=2, n_head=4,
                                                     pad_token_id=0, bos_token_id=None, eos_token_id=None))
    model.save_pretrained(folder)
    shutil.copy(pathlib.Path(__file__).parent / "models/gpt2/tokenizer.json", folder)
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "<pad>",
        "model_input_names": ["input_ids", "attention_mask"]}))
    return Base(folder, dict(task_type="SEQ_CLS", fan_in_fan_out=True))


def vit_base(folder):
    model = ViTForImageClassification(ViTConfig(image_size=8, patch_size=2, num_channels=1, hidden_size=32,
                                                num_hidden_layers=2, num_attention_heads=4, intermediate_size=48))
    model.save_pretrained(folder)
    return Base(folder, dict(target_modules=["q_proj", "v_proj"], modules_to_save=["classifier"]), images=True)


def small_bases(folder):
    torch.manual_seed(1)
    return {**text_bases(folder), "gpt2": gpt2_base(folder / "gpt2"), "vit": vit_base(folder / "vit")}


def write_data(folder):
    rng = random.Random(0)
    texts = [" ".join(rng.choices(WORDS, k=rng.randint(2, 12))) for _ in range(48)]
    with open(folder / "task.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows([text, LABELS[i % 3]] for i, text in enumerate(texts))
    (folder / "texts.txt").write_text("".join(text + "\n" for text in texts))
    images = struct.pack(">4I", 0x803, len(texts), 8, 8) + rng.randbytes(64 * len(texts))
    (folder / "task-images-idx3-ubyte").write_bytes(images)
    (folder / "task-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, len(texts)) +
                                                    bytes(i % 3 for i in range(len(texts))))


def run_thaw(*arguments):
    result = subprocess.run([options.thaw, *map(str, arguments)], capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"thaw {' '.join(map(str, arguments))}\n{result.stderr}")
    return result.stdout


def predict(model, base, work):
    lines = run_thaw("predict", "--model", model, "--input", work / base.input()).splitlines()
    return torch.tensor([json.loads(line)["logits"] for line in lines])


def write_config(work, base, strategy, train, init=None, **settings):
    start = f'init = "{init}"\n' if init else ""
    text = (f'[model]\nfrom = "{base.folder}"\n{base.config}dropout = 0\n{start}[data]\ntrain = "{base.data()}"\n'
            f"[train]\nbatch_size = 8\nlr = 1e-2\n{train}\n[strategy]\nname = \"{strategy}\"\n")
    text += "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
    (work / "task.toml").write_text(text)
    return work / "task.toml"


@torch.no_grad()
def logits(model, base, work):
    model.eval()
    return torch.cat([model(**sample).logits for sample in base.samples(work)])


def compare(what, got, expected):
    difference = (got - expected).abs().max().item()
    fine = difference <= TOLERANCE and expected.abs().max() > 1e-3
    print(f"{what:60} {difference:.2e}{'' if fine else '  DIFFERS'}", flush=True)
    if not fine:
        failures.append(what)


def check_thaw_to_peft(name, base, kind, work):
    settings = {"r": 4, "alpha": 8.0, "rslora": kind == "rslora", "dropout": 0.1}
    config = write_config(work, base, "dora" if kind == "dora" else "lora", "steps = 12", **settings)
    out = work / f"{name}-{kind}"
    run_thaw("train", config, "--out", out)
    expected = predict(out, base, work)
    torch.manual_seed(7)  # the head that the adapter replaces
    with_adapter = PeftModel.from_pretrained(base.load(), out / "adapter")
    compare(f"{name} {kind}: trained by thaw, read by PEFT", logits(with_adapter, base, work), expected)
    start = predict_start(name, base, kind, work)
    if (expected - start).abs().max() < 1e-3:
        failures.append("training changed nothing")
    compare(f"{name} {kind}: thaw's adapter/ read by thaw", predict(out / "adapter", base, work), expected)
    compare(f"{name} {kind}: thaw's run read by transformers", logits(base.load(out), base, work), expected)


def check_adapter_in_head(base, work):
    """Layers of the head are adapted too, and saved whole: PEFT has no adapter there."""
    out = work / "adapter-in-head"
    config = write_config(work, base, "lora", "steps = 12", r=4, alpha=8.0, target_modules=["query", "dense"],
                          modules_to_save=["classifier"])
    run_thaw("train", config, "--out", out)
    with_adapter = PeftModel.from_pretrained(base.load(), out / "adapter")
    compare("bert lora: an adapter in the head, read by PEFT", logits(with_adapter, base, work), predict(out, base, work))


def check_class_names(base, work):
    """A head for the same classes in another order: PEFT gives an adapter's rows the names that the base has."""
    names = ["good", "bad", "fair"]
    folder = work / "named"
    model = base.load()
    model.config.id2label = dict(enumerate(names))
    model.config.label2id = {name: i for i, name in enumerate(names)}
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(base.folder).save_pretrained(folder)
    named = dataclasses.replace(base, folder=folder)
    for kind, settings in {"head beside": {}, "last layer adapted": dict(target_modules=["query", "classifier"],
                                                                         modules_to_save=["pooler"])}.items():
        out = work / f"named-{kind.replace(' ', '-')}"
        run_thaw("train", write_config(work, named, "lora", "steps = 12", r=4, alpha=8.0, **settings), "--out", out)
        with_adapter = PeftModel.from_pretrained(named.load(), out / "adapter")
        by_name = [list(with_adapter.config.id2label.values()).index(label) for label in LABELS]
        compare(f"bert lora, {kind}: classes by name, read by PEFT", logits(with_adapter, named, work)[:, by_name],
                predict(out, named, work))


def predict_start(name, base, kind, work):
    out = work / f"{name}-{kind}-start"
    run_thaw("train", write_config(work, base, "full", "epochs = 0"), "--out", out)
    return predict(out, base, work)


def check_peft_to_thaw(name, base, kind, work, patterns=None):
    torch.manual_seed(3)
    model = get_peft_model(base.load(), LoraConfig(
        r=4, lora_alpha=6, lora_dropout=0.1, use_rslora=kind == "rslora", use_dora=kind == "dora", **base.peft,
        **(patterns or {})))
    kind += "-patterns" if patterns else ""
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            if "lora_B" in parameter_name:
                parameter.normal_(0, 0.1)
            elif "magnitude" in parameter_name:
                parameter.mul_(1 + 0.1 * torch.randn_like(parameter))
            elif any(f"{head}.modules_to_save" in parameter_name for head in ("classifier", "score")):
                parameter.normal_(0, 0.3)
    adapter = work / f"{name}-{kind}-peft"
    model.save_pretrained(adapter)
    expected = logits(model, base, work)
    if not base.images:  # nothing in such a folder says how images are prepared: as a model thaw refuses it
        compare(f"{name} {kind}: made by PEFT, read by thaw", predict(adapter, base, work), expected)
        merged = work / f"{name}-{kind}-merged"
        run_thaw("merge", "--model", adapter, "--out", merged)
        compare(f"{name} {kind}: made by PEFT, merged by thaw", predict(merged, base, work), expected)
        compare(f"{name} {kind}: merged by thaw, read by transformers", logits(base.load(merged), base, work), expected)
    same = {"r": 4, "alpha": 6.0, "rslora": kind.startswith("rslora")}
    own = "dora" if kind.startswith("dora") else "lora"
    for strategy, settings in [(own, same), ("full", {})]:
        out = work / f"{name}-{kind}-from-{strategy}"
        run_thaw("train", write_config(work, base, strategy, "epochs = 0", adapter, **settings), "--out", out)
        compare(f"{name} {kind}: made by PEFT, model.init of {strategy}", predict(out, base, work), expected)
    if not patterns:
        return
    out = work / f"{name}-{kind}-trained"
    run_thaw("train", write_config(work, base, own, "steps = 12", adapter, **same), "--out", out)
    torch.manual_seed(7)
    with_adapter = PeftModel.from_pretrained(base.load(), out / "adapter")
    compare(f"{name} {kind}: trained on by thaw, read by PEFT", logits(with_adapter, base, work),
            predict(out, base, work))


def main():
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        write_data(work)
        if options.folder:
            bases = {"model": Base(pathlib.Path(options.folder).resolve(), dict(task_type="SEQ_CLS"), 'pooling = "pooler"\n')}
        else:
            bases = small_bases(work)
        for name, base in bases.items():
            for kind in KINDS:
                check_thaw_to_peft(name, base, kind, work)
                check_peft_to_thaw(name, base, kind, work)
                check_peft_to_thaw(name, base, kind, work, PATTERNS)
        if "bert" in bases:
            check_adapter_in_head(bases["bert"], work)
            check_class_names(bases["bert"], work)
    print(f"{len(failures)} differences above {TOLERANCE}")
    sys.exit(1 if failures else 0)


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--thaw", required=True)
parser.add_argument("--folder")
options = parser.parse_args()
main()
