#!/usr/bin/env python3
"""Text folders of every kind that PyPI's transformers and sentence-transformers write, drawn small, through thaw: a
classifier predicts the same logits; a head of another kind is refused by `predict`, passed over by `train`, and embeds;
what `train` writes is read by transformers with the same logits; embeddings are those of sentence-transformers, its
older layout included.

Usage: python3 tests/golden/check_text_folders.py --thaw build/release/bin/thaw
Needs: torch, transformers 5, tokenizers, sentence-transformers. Exits with 1 where something differs by more than 1e-5.
"""
import argparse
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

import tokenizers
import torch
import transformers as hf
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer

hf.utils.logging.set_verbosity_error()
hf.utils.logging.disable_progress_bar()
TOLERANCE = 1e-5
LABELS = ["bad", "fair", "good"]
WORDS = "the a film was is plot cast good bad fine dull bright story and very not music slow sharp warm".split()
SIZE = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48, initializer_range=0.3)
CLASSES = dict(id2label=dict(enumerate(LABELS)), label2id={name: i for i, name in enumerate(LABELS)})
HEADS = {
    "Bert": ["TokenClassification", "QuestionAnswering", "MaskedLM", "NextSentencePrediction", "MultipleChoice",
             "PreTraining"],
    "DistilBert": ["TokenClassification", "QuestionAnswering", "MaskedLM", "MultipleChoice"],
    "Roberta": ["TokenClassification", "QuestionAnswering", "MaskedLM", "MultipleChoice", "CausalLM"],
    "XLMRoberta": ["TokenClassification", "QuestionAnswering", "MaskedLM", "MultipleChoice", "CausalLM"],
    "GPT2": ["TokenClassification", "QuestionAnswering"],
}
failures = []


def report(what, fine, value=""):
    print(f"{what:66} {value}{'' if fine else '  DIFFERS'}", flush=True)
    if not fine:
        failures.append(what)


def compare(what, found, expected):
    difference = (found - expected).abs().max().item()
    report(what, difference <= TOLERANCE and expected.abs().max() > 1e-3, f"{difference:.2e}")


def letters_tokenizer(specials, template):
    """A byte-level BPE without merges."""
    letters = sorted({letter for word in WORDS for letter in word} | {"\u0120"})
    vocabulary = {token: i for i, token in enumerate([*specials, *letters])}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    if template:
        tokenizer.post_processor = tokenizers.processors.RobertaProcessing(("</s>", 2), ("<s>", 0), True, False)
    tokenizer.add_special_tokens(specials)
    return tokenizer


def write_tokenizer(folder, kind):
    if kind in ("Bert", "DistilBert"):
        (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS]))
        (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')
        return
    specials = ["<|endoftext|>"] if kind == "GPT2" else ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    letters_tokenizer(specials, kind != "GPT2").save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "PreTrainedTokenizerFast", "pad_token": specials[0] if kind == "GPT2" else "<pad>",
        "eos_token": "<|endoftext|>" if kind == "GPT2" else "</s>", "model_max_length": 64,
        "model_input_names": ["input_ids", "attention_mask"]}))


def config_of(kind, **more):
    if kind == "Bert":
        return hf.BertConfig(vocab_size=24, max_position_embeddings=64, **SIZE, **more)
    if kind == "DistilBert":
        return hf.DistilBertConfig(vocab_size=24, max_position_embeddings=64, dim=32, n_layers=2, n_heads=4,
                                   hidden_dim=48, initializer_range=0.3, **more)
    if kind == "GPT2":
        return hf.GPT2Config(vocab_size=40, n_positions=64, n_embd=32, n_layer=2, n_head=4, initializer_range=0.3,
                             bos_token_id=0, eos_token_id=0, pad_token_id=0, **more)
    return getattr(hf, kind + "Config")(vocab_size=40, max_position_embeddings=66, type_vocab_size=1, pad_token_id=1,
                                        bos_token_id=0, eos_token_id=2, **SIZE, **more)


def draw(work, kind, name):
    folder = work / f"{kind}{name}"
    folder.mkdir()
    classes = {"num_labels": 2} if name == "ForQuestionAnswering" else CLASSES
    model = getattr(hf, kind + name)(config_of(kind, **classes))
    with torch.no_grad():  # biases too
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    write_tokenizer(folder, kind)
    return folder


def thaw(*arguments):
    return subprocess.run([options.thaw, *map(str, arguments)], capture_output=True, text=True)


def run_thaw(*arguments):
    result = thaw(*arguments)
    if result.returncode != 0:
        sys.exit(f"thaw {' '.join(map(str, arguments))}\n{result.stderr}")
    return result


def rows(result, key):
    return torch.tensor([json.loads(line)[key] for line in result.stdout.splitlines()])


def predict(folder, work):
    return rows(run_thaw("predict", "--model", folder, "--input", work / "texts.txt"), "logits")


def embed(folder, work):
    return rows(run_thaw("embed", "--model", folder, "--input", work / "texts.txt"), "embedding")


@torch.no_grad()
def logits(folder, work, tokenizer):
    """One text at a time."""
    model = hf.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    texts = (work / "texts.txt").read_text().splitlines()
    return torch.cat([model(**tokenizer([text], return_tensors="pt")).logits for text in texts])


@torch.no_grad()
def means(folder, work, tokenizer):
    model = hf.AutoModel.from_pretrained(folder).eval()
    texts = (work / "texts.txt").read_text().splitlines()
    return torch.cat([model(**tokenizer([text], return_tensors="pt")).last_hidden_state.mean(1) for text in texts])


def train(folder, work, out, *more):
    config = work / "task.toml"
    config.write_text(f'[model]\nfrom = "{folder}"\npooling = "{"lasttoken" if "GPT2" in folder.name else "pooler"}"\n'
                      '[data]\ntrain = "task.csv"\n[train]\nbatch_size = 8\nlr = 1e-3\nepochs = 1\n')
    return run_thaw("train", config, "--out", out, *more)


def check_classifier(kind, work):
    folder = draw(work, kind, "ForSequenceClassification")
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    compare(f"{kind}: logits", predict(folder, work), logits(folder, work, tokenizer))
    run = work / f"{kind}-run"
    train(folder, work, run)
    compare(f"{kind}: a run read by transformers", predict(run, work), logits(run, work, tokenizer))
    weights = load_file(folder / "model.safetensors")
    save_file({f"module._orig_mod.{name}": value for name, value in weights.items()}, folder / "model.safetensors")
    result = run_thaw("predict", "--model", folder, "--input", work / "texts.txt")
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    compare(f"{kind}: names of a wrapped model", rows(result, "logits"), logits(folder, work, tokenizer))
    report(f"{kind}: which is said", "module._orig_mod." in result.stderr)
    config = json.loads((folder / "config.json").read_text())
    del config["model_type"]
    (folder / "config.json").write_text(json.dumps(config))
    expected = logits(run, work, tokenizer)
    report(f"{kind}: without model_type", predict(folder, work).shape == expected.shape)


def check_base(kind, work):
    folder = draw(work, kind, "Model")
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    compare(f"{kind}Model: embeddings", embed(folder, work), means(folder, work, tokenizer))
    train(folder, work, work / f"{kind}Model-run")
    compare(f"{kind}Model: a run read by transformers", predict(work / f"{kind}Model-run", work),
            logits(work / f"{kind}Model-run", work, tokenizer))


def check_other_head(kind, name, work):
    folder = draw(work, kind, name)
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    refused = thaw("predict", "--model", folder, "--input", work / "texts.txt")
    report(f"{kind}{name}: predict refuses it", refused.returncode == 2 and f'"{kind}{name}"' in refused.stderr)
    compare(f"{kind}{name}: embeddings", embed(folder, work), means(folder, work, tokenizer))
    out = work / f"{kind}{name}-run"
    said = train(folder, work, out, "--set", "train.epochs=0").stderr
    report(f"{kind}{name}: its head is passed over and said", f'"{kind}{name}"' in said and "the head is new" in said)
    compare(f"{kind}{name}: a run read by transformers", predict(out, work), logits(out, work, tokenizer))


def check_sentences(work):
    """The Pooling of sentence-transformers, and the layout that it had before."""
    texts = (work / "texts.txt").read_text().splitlines()
    folder = work / "RobertaModel"
    expected = torch.tensor(SentenceTransformer(str(folder), device="cpu").encode(texts))
    compare("sentence-transformers: without 1_Pooling", embed(folder, work), expected)
    old = work / "older"
    SentenceTransformer(str(folder), device="cpu").save(str(old))
    inner = old / "0_Transformer"
    inner.mkdir()
    for path in list(old.iterdir()):
        if path.is_file() and path.name not in ("modules.json", "config_sentence_transformers.json", "README.md"):
            shutil.move(path, inner)
    modules = json.loads((old / "modules.json").read_text())
    modules[0]["path"] = "0_Transformer"
    (old / "modules.json").write_text(json.dumps(modules))
    compare("sentence-transformers: 0_Transformer", embed(old, work), expected)
    run = work / "older-run"
    train(old, work, run)
    compare("sentence-transformers: a run from 0_Transformer", predict(run, work),
            logits(run, work, hf.AutoTokenizer.from_pretrained(inner)))


def main():
    torch.manual_seed(0)
    rng = random.Random(0)
    with tempfile.TemporaryDirectory() as name:
        work = pathlib.Path(name)
        texts = [" ".join(rng.choices(WORDS, k=rng.randint(1, 9))) for _ in range(48)]
        (work / "task.csv").write_text("text,label\n" + "".join(f"{t},{LABELS[i % 3]}\n" for i, t in enumerate(texts)))
        special = ["a film <pad> was <pad>", "good <|endoftext|>", "<|endoftext|> a [PAD] film [PAD]"]
        (work / "texts.txt").write_text("".join(text + "\n" for text in texts[:24] + special))
        for kind, heads in HEADS.items():
            check_classifier(kind, work)
            check_base(kind, work)
            for head in heads:
                check_other_head(kind, "For" + head, work)
        check_sentences(work)
    print(f"{len(failures)} failures")
    sys.exit(1 if failures else 0)


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--thaw", required=True)
options = parser.parse_args()
main()
