#!/usr/bin/env python3
"""Gradient-boosted trees on the data of the tables case, for scale: they start from nothing.

  python3 finetune/cases/letters/boosted_trees.py [--threads 1]

scikit-learn's HistGradientBoostingClassifier for each of the ten partitions and 5, 20 and 100 labels of each letter, on
the ten new letters ("letters") and on the 16 that the networks know, of the rescaled sensor ("sensor"). The depth is
chosen on validation rows, a fiftieth of the training file, as in tables.toml; then the test file is looked at once. Rows
are drawn as there, but they are not the same rows. Prints the mean test accuracy over the partitions with its 95 %
interval (Student's t), and the seconds of the training that was chosen.
"""
import argparse
import csv
import os
import pathlib
import random
import string
import time

TABLES = pathlib.Path(__file__).resolve().parents[1] / "tables"
DEPTHS = [1, 3, 6]
LABELS = [5, 20, 100]
PARTITIONS = range(10)
STUDENT = 2.262  # 97.5 % quantile of Student's t with 9 degrees of freedom


def read(name, letters):
    with open(TABLES / f"{name}.csv", encoding="utf-8", newline="") as file:
        rows = [row for row in list(csv.reader(file))[1:] if row[-1] in letters]
    return [([float(cell) for cell in row[:-1]], row[-1]) for row in rows]


def drawn(rows, labels, rng):
    """So many rows of each letter, and a fiftieth of all rows to validate on."""
    rows = rng.sample(rows, len(rows))
    held = len(rows) // 50
    validation, pool, taken = rows[:held], rows[held:], []
    for letter in sorted({row[1] for row in pool}):
        taken += [row for row in pool if row[1] == letter][:labels]
    return taken, validation


def score(model, rows):
    return model.score([x for x, _ in rows], [y for _, y in rows])


def boosted(train, validation, test):
    from sklearn.ensemble import HistGradientBoostingClassifier

    best = (-1, None, 0)
    for depth in DEPTHS:
        start = time.monotonic()
        model = HistGradientBoostingClassifier(max_depth=depth, min_samples_leaf=5, early_stopping=False, random_state=0)
        model.fit([x for x, _ in train], [y for _, y in train])
        best = max(best, (score(model, validation), model, time.monotonic() - start), key=lambda found: found[0])
    return score(best[1], test), best[2]


def interval(values):
    mean = sum(values) / len(values)
    spread = (sum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values)) ** 0.5
    return f"{mean:.4f} ({mean - STUDENT * spread:.4f} to {mean + STUDENT * spread:.4f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", default="1")
    os.environ["OMP_NUM_THREADS"] = parser.parse_args().threads
    for shift, name, chosen in [("letters", "letters", slice(16, 26)), ("sensor", "rescaled", slice(0, 16))]:
        for labels in LABELS:
            found = []
            for partition in PARTITIONS:
                letters = random.Random(partition).sample(string.ascii_uppercase, 26)[chosen]
                train, validation = drawn(read(f"{name}_train", letters), labels, random.Random(partition))
                found.append(boosted(train, validation, read(f"{name}_test", letters)))
            seconds = sum(second for _, second in found) / len(found)
            accuracy = interval([value for value, _ in found])
            print(f"{shift:8} {labels:3} labels  test accuracy {accuracy}  {seconds:.1f} s", flush=True)


main()
