#!/usr/bin/env python3
"""Compares the event file of a run with its metrics.jsonl, as TensorBoard itself reads it.

    pip install tensorboard
    build/release/bin/thaw train finetune/cases/digits.toml --out runs/digits
    python tests/golden/check_events.py runs/digits

Prints a line per tag; exits with 1 where TensorBoard sees other numbers than the run wrote.
"""

import json
import math
import pathlib
import sys

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def scalars_of_metrics(path):
    """{tag: {step: value}} of all lines; a number that was not finite is null there, NaN here."""
    scalars = {}
    for line in path.read_text().splitlines():
        values = json.loads(line)
        step = values.pop("step")
        values.pop("epoch", None)
        split = values.pop("split", None)
        if split is not None:
            values.pop("phase")
        for name, value in values.items():
            tag = f"{split or 'train'}/{name}"
            scalars.setdefault(tag, {})[step] = math.nan if value is None else value
    return scalars


def scalars_of_tensorboard(run):
    accumulator = EventAccumulator(str(run), size_guidance={"scalars": 0})  # 0: all of them
    accumulator.Reload()
    return {tag: {e.step: e.value for e in accumulator.Scalars(tag)} for tag in accumulator.Tags()["scalars"]}


def same(a, b):
    return np.array_equal(np.float32(a), np.float32(b), equal_nan=True)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: check_events.py RUN_FOLDER")
    run = pathlib.Path(sys.argv[1])
    written = scalars_of_metrics(run / "metrics.jsonl")
    seen = scalars_of_tensorboard(run)
    thinned = len(written.get("train/loss", {})) > 100_000
    failed = set(written) != set(seen)
    if failed:
        print("tags differ:", sorted(set(written) ^ set(seen)))
    for tag in sorted(set(written) & set(seen)):
        steps = seen[tag].keys()
        complete = steps == written[tag].keys()
        if thinned and tag.startswith("train/"):
            complete = steps <= written[tag].keys() and max(steps) == max(written[tag])
        wrong = [step for step in steps & written[tag].keys() if not same(seen[tag][step], written[tag][step])]
        last = max(steps)
        print(f"{tag:28} {len(steps):6} values, the last {seen[tag][last]:.6g} at step {last}",
              "" if complete else "STEPS DIFFER", f"WRONG at {wrong[:3]}" if wrong else "")
        failed = failed or not complete or bool(wrong)
    print("differs" if failed else "TensorBoard sees what the run wrote")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
