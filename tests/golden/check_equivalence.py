#!/usr/bin/env python3
"""Trains with thaw and with the script that `thaw export` writes, for several seeds, and compares what comes out on test data.

  finetune/cases/get.sh whisper dutch efficientnet
  python tests/golden/check_equivalence.py --thaw build/release/bin/thaw --case speech|vision [--seeds 5] [--samples 400]
         [--epochs 4] [--batch-size 4] [--lr 1e-3] [--threads 2] [--margin 1.5]

  speech  the encoder of Whisper learns Dutch by CTC, strategy top-2, from so many clips (400, 4 epochs in batches of 4);
          character error rate
  vision  EfficientNet-lite0 learns Fashion-MNIST at 96 pixels, strategy gradual, from so many pictures of each class (64,
          5 epochs in batches of 16); accuracy on 2,000 others

check_export.py compares 30 updates of one seed to the last digits; here whole runs are held against each other, in which
rounding grows and dropout draws other numbers. A pair has one seed: the same samples, order and starting weights. Both
results are `thaw eval` of a run's folder, once with thaw's weights, once with the script's. Prints each pair, the mean
difference and its 90 % interval (Student's t of the pairs' differences); exits with 1 where the interval is not within
`margin` points (hundredths), which is a test of equivalence at level 0.05 (two one-sided tests). Needs what the scripts need
(torch, safetensors; transformers and soundfile; Pillow), and scipy.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

import scipy.stats

TRAIN = """[train]
epochs = {epochs}
batch_size = {batch_size}
lr = {lr}
eval_every = "never"
checkpoint_every = "never"
"""
SPEECH = """[model]
from = "{cases}/whisper"
[data]
task = "transcription"
train = "{cases}/dutch/train.csv"
validation = "{cases}/dutch/validation.csv"
test = "{cases}/dutch/test.csv"
limit = {samples}
""" + TRAIN + """schedule = "one-cycle"
[strategy]
name = "top-2"
"""
VISION = """[model]
from = "{cases}/efficientnet"
image_size = 96
[data]
train = "/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz"
rows = [0, 20000]
test_fraction = 0.1
samples_per_class = {samples}
validation_fraction = 0.005
""" + TRAIN + """schedule = "cosine"
[strategy]
name = "gradual"
"""
# config, metric, and what is not given
CASES = {
    "speech": (SPEECH, "cer", {"samples": 400, "epochs": 4, "batch_size": 4, "lr": 1e-3}),
    "vision": (VISION, "accuracy", {"samples": 64, "epochs": 5, "batch_size": 16, "lr": 1e-3}),
}


def run(command, environment):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stderr}")
    return done.stdout


def compare(thaw, config, metric, seed, threads, folder):
    """The metric on test data of thaw's model and of the script's."""
    environment = os.environ | {"THAW_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": str(threads)}
    options = ["--set", f"train.seed={seed}"]
    run([thaw, "train", config, *options, "--threads", threads, "--out", folder / "ours"], environment)
    run([thaw, "export", config, *options, "--out", folder / "recipe.py"], environment)
    # The script's weights in a folder that is otherwise the same.
    shutil.copytree(folder / "ours", folder / "theirs")
    weights = folder / "theirs" / "model.safetensors"
    run([sys.executable, folder / "recipe.py", "--weights", weights], environment)

    def evaluated(name):
        result = run([thaw, "eval", config, "--model", folder / name, "--threads", threads], environment)
        return json.loads(result)[metric]

    return evaluated("ours"), evaluated("theirs")


def interval(differences):
    """The mean of the pairs' differences, and its 90 % interval by Student's t."""
    mean, n = statistics.mean(differences), len(differences)
    half = scipy.stats.t.ppf(0.95, n - 1) * statistics.stdev(differences) / n**0.5
    return mean, mean - half, mean + half


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--thaw", type=pathlib.Path, required=True)
    parser.add_argument("--case", choices=CASES, required=True)
    parser.add_argument("--cases", type=pathlib.Path, default="finetune/cases", help="the folder of the cases' data")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--samples", type=int, help="clips in all, or pictures of each class")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--lr", type=float)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--margin", type=float, default=1.5, help="points that make no difference")
    arguments = parser.parse_args()
    if arguments.seeds < 2:
        parser.error("an interval needs two seeds or more")
    text, metric, usual = CASES[arguments.case]
    given = {name: getattr(arguments, name) for name in usual}
    values = usual | {name: value for name, value in given.items() if value is not None}
    values["cases"] = arguments.cases.resolve()
    differences = []
    for seed in range(arguments.seeds):
        with tempfile.TemporaryDirectory() as name:
            config = pathlib.Path(name) / "run.toml"
            config.write_text(text.format(**values))
            thaw = arguments.thaw.resolve()
            ours, theirs = compare(thaw, config, metric, seed, arguments.threads, pathlib.Path(name))
        differences.append(100 * (ours - theirs))
        print(f"seed {seed}: {metric} {ours:.4f} with thaw, {theirs:.4f} with PyTorch", flush=True)
    mean, low, high = interval(differences)
    is_within = -arguments.margin <= low and high <= arguments.margin
    print(f"{metric}, thaw less PyTorch, {len(differences)} seeds: {mean:+.2f} points, 90 % interval {low:+.2f} to {high:+.2f}, "
          f"{'within' if is_within else 'NOT within'} +-{arguments.margin:g}")
    sys.exit(0 if is_within else 1)


if __name__ == "__main__":
    main()
