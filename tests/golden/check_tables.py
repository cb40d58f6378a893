#!/usr/bin/env python3
"""Compares what thaw makes of a messy table with scikit-learn.

  python3 tests/golden/check_tables.py --tool build/release/bin/tools/dump_table

The table is made up: words, numbers of categories, true and false, numbers, values that are missing in each of them, words
that stand in the test file alone. Fitted on the training rows, OneHotEncoder (handle_unknown="ignore"), SimpleImputer
(median, with its indicator) and StandardScaler give the same features, by name and within 1e-7 of the largest, as thaw's
data.categories, data.missing and data.standardize; with validation rows split off and with a drawn part of the training
rows too. Prints the largest differences; exits with 1 where one is beyond its limit. Needs numpy and scikit-learn.
"""
import argparse
import csv
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import numpy
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

LIMIT = 1e-7  # of the largest value: features are 32-bit floats
COLUMNS = ["colour", "zip", "smoker", "age", "size"]
KINDS = {"colour": "words", "zip": "words", "smoker": "boolean", "age": "number", "size": "number"}
MISSING = ["", "NA", "n/a", "NaN", "null", "None", "?"]


def made_table(rng, rows, colours):
    for _ in range(rows):
        row = {
            "colour": rng.choice(colours),
            "zip": str(rng.choice([10, 9, 100, 7])),
            "smoker": rng.choice(["yes", "No", "TRUE", "false"]),
            "age": repr(round(rng.gauss(40, 15), 2)),
            "size": str(rng.randrange(-10**6, 10**6)),
        }
        for column in ["colour", "zip", "smoker", "age"]:  # of size none is missing
            if rng.random() < 0.15:
                row[column] = rng.choice(MISSING)
        yield {**row, "label": rng.choice("ab")}


def write(path, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*COLUMNS, "label"])
        writer.writeheader()
        writer.writerows(rows)
    return rows


def column_of(rows, name):
    cells = [None if row[name] in MISSING else row[name] for row in rows]
    if KINDS[name] == "words":
        return numpy.array([[cell] for cell in cells], dtype=object)
    numbers = {"yes": 1, "true": 1, "no": 0, "false": 0}
    read = (lambda cell: numbers[cell.lower()]) if KINDS[name] == "boolean" else float
    return numpy.array([[numpy.nan if cell is None else numpy.float32(read(cell))] for cell in cells], dtype=float)


def words_expected(name, train, rows):
    """The missing word is a category of its own, which thaw has last."""
    known = sorted({cell for cell in train[:, 0] if cell is not None}, key=int if name == "zip" else None)
    has_missing = any(cell is None for cell in train[:, 0])
    categories = numpy.array([*known, None] if has_missing else known, dtype=object)
    encoder = OneHotEncoder(categories=[categories], handle_unknown="ignore", sparse_output=False).fit(train)
    names = [f"{name}={word}" for word in known] + ([f"{name} is missing"] if has_missing else [])
    return names, encoder.transform(rows)


def numbers_expected(name, train, rows, standardize):
    imputer = SimpleImputer(strategy="median", add_indicator=True).fit(train)
    filled, value = imputer.transform(train), imputer.transform(rows)
    if standardize and KINDS[name] == "number":
        value[:, :1] = StandardScaler().fit(filled[:, :1]).transform(value[:, :1])
    return [name, f"{name} is missing"][: value.shape[1]], value


def expected(train, rows, standardize):
    names, blocks = [], []
    for name in COLUMNS:
        known, cells = column_of(train, name), column_of(rows, name)
        of_words = KINDS[name] == "words"
        found, block = words_expected(name, known, cells) if of_words else numbers_expected(name, known, cells, standardize)
        names += found
        blocks.append(block)
    return names, numpy.hstack(blocks)


def check(tool, folder, train, test, options, standardize):
    config = folder / "t.toml"
    config.write_text(
        '[data]\ntrain = "t.csv"\ntest = "u.csv"\ncategories = ["auto", "zip"]\nmissing = "median"\n' + "\n".join(options)
    )
    done = subprocess.run([tool, config], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    made = json.loads(done.stdout)
    fitted = [train[row["id"]] for row in made["train"]]
    worst = 0
    for part, source in [("train", train), ("validation", train), ("test", test)]:
        if not made[part]:
            continue
        names, values = expected(fitted, [source[row["id"]] for row in made[part]], standardize)
        assert made["features"] == names, (made["features"], names)
        scale = numpy.abs(values).max()
        worst = max(worst, numpy.abs(values - numpy.array([row["x"] for row in made[part]])).max() / scale)
    what = ", ".join(options) or "as it is"
    print(f"{what:60} {len(fitted):4} rows, {len(names):3} features: {worst:.3g}   limit {LIMIT:g}", flush=True)
    return worst <= LIMIT


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", required=True)
    tool = pathlib.Path(parser.parse_args().tool).resolve()
    rng = random.Random(0)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        train = write(folder / "t.csv", list(made_table(rng, 500, ["red", "blue", 'a "b"', "c, d", "ü"])))
        test = write(folder / "u.csv", list(made_table(rng, 200, ["red", "blue", "mauve", "é"])))
        cases = [([], False), (["validation_fraction = 0.3"], False), (["limit = 37"], False)]
        cases += [(['standardize = "train"'], True), (['standardize = "train"', "limit = 60"], True)]
        passed = [check(tool, folder, train, test, options, standardize) for options, standardize in cases]
    sys.exit(0 if all(passed) else 1)


main()
