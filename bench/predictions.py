"""What the ledger predicts of a run, beside what the run takes: seconds of each phase, and bytes of an update.

    python bench/predictions.py --thaw build/release/bin/thaw [--cases mlp,cnn,minilm] [--strategies head,full] [--runs 3]

For each case and strategy `thaw plan` and `thaw train` take turns, --runs times; of each phase the median counts. The
ratios by phase are those of phases that take a twentieth of the run at least. Bytes of the observed updates have to be
equal, else the exit status is 1. Prints a table.
minilm needs finetune/cases/get.sh minilm text; cnn needs the Debian package dataset-fashion-mnist.
Python's standard library is enough.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
CASES = {
    "mlp": ["data.train=builtin:digits", "data.test_fraction=0.2", "model.from=mlp", "model.hidden=[512,256,128]",
            "train.epochs=40", "train.batch_size=32"],
    "cnn": ["data.train=/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz", "data.limit=1000",
            "data.validation_fraction=0.1", "model.from=cnn", "train.epochs=4", "train.batch_size=32"],
    "minilm": [f"data.train={REPOSITORY}/finetune/cases/text/train.csv", "data.samples_per_class=160",
               f"model.from={REPOSITORY}/finetune/cases/minilm", "model.max_length=64", "train.epochs=4",
               "train.batch_size=16"],
}
STRATEGIES = ["full", "head", "top-1", "block-1", "gradual", "discriminative", "ulmfit", "chain-thaw", "lp-ft", "lisa",
              "bitfit", "norm-only", "lora", "dora", "adapter", "layer-decay", "l2-sp"]
BYTES = ("saved_bytes", "gradient_bytes", "optimizer_bytes")
OPTIONS = {("mlp", "adapter"): ["strategy.target_modules=[\"layers.0\"]"]}
WITHOUT = {("cnn", name) for name in ("lora", "dora", "adapter")}  # which find no layer there
LEAST_SHARE = 0.05


def thaw(program, command, config, strategy, settings, out=None):
    call = [program, command, config, "--strategy", strategy, "--json", "--threads", "2"]
    for setting in settings:
        call += ["--set", setting]
    if out:
        call += ["--out", out]
    with tempfile.TemporaryDirectory() as cache:  # so that each run computes its frozen part itself
        result = subprocess.run(call, capture_output=True, text=True, env={**os.environ, "THAW_CACHE": cache})
    if result.returncode != 0:
        raise SystemExit(f"{' '.join(call)}\n{result.stderr}")
    return json.loads(result.stdout)


def compare(program, config, case, strategy, settings, runs):
    predicted, measured, in_run, ledger = [], [], [], {}
    for _ in range(runs):
        plan = thaw(program, "plan", config, strategy, settings)
        predicted.append([phase["predicted_seconds"] or 0 for phase in plan["ledger"]["phases"]])
        with tempfile.TemporaryDirectory() as folder:
            thaw(program, "train", config, strategy, settings, f"{folder}/run")
            ledger = json.loads(pathlib.Path(f"{folder}/run/ledger.json").read_text())
        measured.append([phase["seconds"] for phase in ledger["phases"]])
        in_run.append([phase["predicted_seconds"] or 0 for phase in ledger["phases"]])
    said, saw, said_in_run = ([statistics.median(column) for column in zip(*rows)]
                              for rows in (predicted, measured, in_run))
    long_ones = [i for i, seconds in enumerate(saw) if seconds >= LEAST_SHARE * sum(saw)]
    ratios = [said[i] / saw[i] for i in long_ones]
    wrong = [f"{phase['phase'] + 1}" for phase in ledger["phases"] if phase["measured"] and
             any(phase["measured"][key] != phase["predicted_of_observed"][key] for key in BYTES)]
    print(f"| {case} | {strategy} | {len(saw)} | {sum(said):.3g} | {sum(saw):.3g} | {sum(said) / sum(saw):.2f} | "
          f"{min(ratios):.2f} to {max(ratios):.2f} | {sum(said_in_run) / sum(saw):.2f} | "
          f"{'equal' if not wrong else 'differ in phase ' + ', '.join(wrong)} |", flush=True)
    return not wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--thaw", required=True)
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--strategies", default=",".join(STRATEGIES))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], help="a config key, as thaw takes it")
    arguments = parser.parse_args()
    print("| case | strategy | phases | predicted s | measured s | ratio | ratio by phase | said by the run | bytes |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    right = True
    with tempfile.TemporaryDirectory() as folder:
        config = f"{folder}/case.toml"
        pathlib.Path(config).write_text("[data]\ntrain = \"builtin:digits\"\n[train]\ncheckpoint_every = \"never\"\n")
        for case in arguments.cases.split(","):
            for strategy in arguments.strategies.split(","):
                if (case, strategy) in WITHOUT:
                    continue
                settings = CASES[case] + OPTIONS.get((case, strategy), []) + arguments.set
                right &= compare(arguments.thaw, config, case, strategy, settings, arguments.runs)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
