"""Records what training gives, bit for bit, and checks that it still does: for changes that must change nothing.

    python tests/golden/bits.py --thaw build/release/bin/thaw --write bits.json      # before
    python tests/golden/bits.py --thaw build/release/bin/thaw --check bits.json      # after

Every strategy on digits and on a table, the other architectures, text folders, a resumed run and a comparison, each
with 1 and with 2 threads, which must not differ either. Of a run it records the SHA-256 of the weights, of the
metrics of every update and evaluation, of the ledger and of run.json, without seconds, bytes in memory and the
machine's names. Bits hold for one kind of processor and one compiler: the file is no part of the repository.
Without the prefix cache, weights and metrics have to be the same too.
--minilm FOLDER adds 20 updates of a MiniLM (finetune/cases/get.sh text). Python's standard library is enough.
"""

import argparse
import csv
import hashlib
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
NOT_THE_WORK = ("seconds", "predicted_seconds", "update_seconds", "seconds_per_sample", "thaw", "compiler", "cpu", "threads", "peak_bytes", "model")
STRATEGIES = {
    "full": [], "head": [], "top-1": [], "block-1": [], "gradual": [], "discriminative": [], "ulmfit": [],
    "chain-thaw": [], "lp-ft": [], "bitfit": [], "norm-only": [], "lora": ["strategy.dropout=0.1"], "dora": [],
    "adapter": ['strategy.target_modules=["layers.0"]'], "l2-sp": [],
}


def work_of(value):
    """Without what differs from run to run."""
    if isinstance(value, dict):
        return {key: work_of(item) for key, item in value.items() if key not in NOT_THE_WORK}
    if isinstance(value, list):
        return [work_of(item) for item in value]
    return value


def digest(data):
    if not isinstance(data, bytes):
        data = json.dumps(data, sort_keys=True).encode()
    return hashlib.sha256(data).hexdigest()


def write_table(path):
    rows = ["a,b,c,label"]
    for i in range(120):
        a, b, c = (i * 37) % 41 / 10, (i * 53) % 29 / 7, (i * 11) % 13 / 3
        rows.append(f"{a:.3f},{b:.3f},{c:.3f},{'yes' if a + b > c + 2 else 'no'}")
    path.write_text("\n".join(rows) + "\n")


def write_texts(path):
    subjects, good, bad = ["plot", "film", "cast", "end"], ["good", "warm", "funny"], ["bad", "dull", "cold"]
    rows = ["text,label"]
    for i in range(80):
        words = good if i % 2 == 0 else bad
        rows.append(f"the {subjects[i * 7 % 4]} was {words[i * 5 % 3]} and {words[i % 3]},{i % 2}")
    path.write_text("\n".join(rows) + "\n")


def write_images(folder):
    def idx(sizes, data):
        return struct.pack(">HBB", 0, 8, len(sizes)) + struct.pack(f">{len(sizes)}I", *sizes) + bytes(data)

    pixels = [(i * 31 + p * (1 + i % 2)) % 128 for i in range(48) for p in range(64)]
    (folder / "images-idx3-ubyte").write_bytes(idx([48, 8, 8], pixels))
    (folder / "labels-idx1-ubyte").write_bytes(idx([48], [i % 2 for i in range(48)]))


def copy_model(name, folder, **changes):
    source = REPOSITORY / "tests/golden/models" / name
    shutil.copytree(source, folder / name)
    config = json.loads((source / "config.json").read_text()) | changes
    (folder / name / "config.json").write_text(json.dumps(config))


class Recorder:
    def __init__(self, thaw, folder, threads, cache):
        self.thaw, self.folder, self.found = thaw, folder, {}
        self.common = ["--threads", str(threads), "--set", f"train.cache={cache}"]
        self.environment = os.environ | {"THAW_CACHE": str(folder / "cache")}

    def run(self, *arguments):
        command = [self.thaw, *arguments, *self.common]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, env=self.environment)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}\n{done.stderr}")

    def train(self, name, config, settings=(), more=()):
        out = self.folder / "runs" / name
        sets = [part for setting in settings for part in ("--set", setting)]
        self.run("train", config, "--out", str(out), *sets, *more)
        self.found[name] = self.contents(out)

    @staticmethod
    def contents(run):
        lines = (run / "metrics.jsonl").read_text().splitlines()
        weights = {path.name: digest(path.read_bytes()) for path in sorted(run.glob("**/*model.safetensors"))}
        return weights | {
            "metrics": digest([work_of(json.loads(line)) for line in lines]),
            "ledger": digest(work_of(json.loads((run / "ledger.json").read_text()))),
            "run": digest(work_of(json.loads((run / "run.json").read_text()))),
        }

    def compare(self, name, config, more):
        out = self.folder / "runs" / name
        self.run("compare", config, "--out", str(out), *more)
        with open(out / "results.csv") as file:
            left_out = (*NOT_THE_WORK, "flops")
            rows = [{k: v for k, v in row.items() if k not in left_out} for row in csv.DictReader(file)]
        self.found[name] = {"results.csv": digest(rows)}

    def interrupted(self, name, config):
        """Half of the updates, then the rest from a checkpoint: the bits of a run in one go."""
        out = self.folder / "runs" / name
        common = ["train", config, "--strategy", "gradual", "--out", str(out)]
        process = subprocess.Popen([self.thaw, *common, *self.common, "--set", 'train.checkpoint_every="1 steps"',
                                    "--set", "train.epochs=6"],
                                   cwd=self.folder, stderr=subprocess.DEVNULL, env=self.environment)
        while process.poll() is None and not list(out.glob("checkpoints/*")):
            pass
        process.terminate()
        process.wait()
        self.run(*common, "--resume", "--set", 'train.checkpoint_every="1 steps"', "--set", "train.epochs=6")
        self.found[name] = self.contents(out)


def record(thaw, threads, minilm, cache="auto"):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_table(folder / "table.csv")
        write_texts(folder / "texts.csv")
        write_images(folder)
        copy_model("vit", folder, num_channels=1)
        copy_model("gpt2", folder)
        digits = '[data]\ntrain = "builtin:digits"\n[train]\nepochs = 2\n'
        (folder / "digits.toml").write_text(digits)
        (folder / "cnn.toml").write_text('[model]\nfrom = "cnn"\nwidth = 4\n' + digits)
        (folder / "table.toml").write_text('[data]\ntrain = "table.csv"\nstandardize = true\n[train]\nepochs = 4\n')
        (folder / "vit.toml").write_text('[model]\nfrom = "vit"\npretrained = false\n[data]\n'
                                         'train = "images-idx3-ubyte"\n[train]\nepochs = 2\n')
        (folder / "gpt2.toml").write_text('[model]\nfrom = "gpt2"\npretrained = false\n[data]\n'
                                          'train = "texts.csv"\n[train]\nepochs = 2\n')
        recorder = Recorder(thaw, folder, threads, cache)
        for case in ("digits", "table"):
            recorder.train(f"{case}-base", f"{case}.toml")
            for strategy, settings in STRATEGIES.items():
                start = [f"model.from=runs/{case}-base", "train.batch_size=24", "train.accumulation=2"]
                recorder.train(f"{case}-{strategy}", f"{case}.toml", [*start, *settings], ["--strategy", strategy])
        for case in ("cnn", "vit", "gpt2"):
            for strategy in ("full", "gradual"):
                recorder.train(f"{case}-{strategy}", f"{case}.toml", [], ["--strategy", strategy])
        recorder.train("uninterrupted", "digits.toml", ["train.epochs=6", 'train.checkpoint_every="1 steps"'],
                       ["--strategy", "gradual"])
        recorder.interrupted("resumed", "digits.toml")
        recorder.compare("comparison", "digits.toml", ["--strategies", "full,head,gradual,lora", "--seeds", "2", "--tune",
                                                       "2", "--set", "model.from=runs/digits-base"])
        for strategy in ("head", "gradual", "lora") if minilm else ():
            (folder / "minilm.toml").write_text(f'[model]\nfrom = "{minilm}"\n[data]\ntrain = "texts.csv"\n'
                                                "[train]\nsteps = 20\nbatch_size = 8\n")
            for dropout in ("keep", "off"):
                recorder.train(f"minilm-{strategy}-{dropout}", "minilm.toml", [f"strategy.frozen_dropout={dropout}"],
                               ["--strategy", strategy])
        return recorder.found


def differences(before, after, left_out=()):
    for case in sorted(before.keys() | after.keys()):
        for part in sorted(before.get(case, {}).keys() | after.get(case, {}).keys()):
            if part not in left_out and before.get(case, {}).get(part) != after.get(case, {}).get(part):
                yield f"{case}: {part}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--thaw", required=True, type=lambda path: str(pathlib.Path(path).resolve()))
    parser.add_argument("--minilm", type=lambda path: str(pathlib.Path(path).resolve()))
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", type=pathlib.Path)
    action.add_argument("--check", type=pathlib.Path)
    arguments = parser.parse_args()
    found = record(arguments.thaw, 1, arguments.minilm)
    wrong = [f"2 threads, {what}" for what in differences(found, record(arguments.thaw, 2, arguments.minilm))]
    # What is computed once costs less: ledger and FLOPs are others, what training gives is not.
    plain = record(arguments.thaw, 2, arguments.minilm, "off")
    wrong += [f"without the cache, {what}" for what in differences(found, plain, ("ledger", "run"))]
    if found["resumed"] != found["uninterrupted"]:
        wrong += [f"resumed, {what}" for what in differences({"run": found["uninterrupted"]}, {"run": found["resumed"]})]
    if arguments.write:
        arguments.write.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    else:
        wrong += list(differences(json.loads(arguments.check.read_text()), found))
    for what in wrong:
        print("differs:", what)
    print(f"{len(found)} cases, {len(wrong)} differences")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
