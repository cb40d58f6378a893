"""Writes RESULTS.md from what the benchmark programs printed: the machine, and a table for each."""

import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import subprocess


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(str(cell) for cell in line) + " |\n" for line in lines)


def first_match(pattern, text, default):
    found = re.search(pattern, text, re.MULTILINE)
    return found.group(1).strip() if found else default


def machine(load, build):
    cpu = first_match(r"^model name\s*:(.*)$", pathlib.Path("/proc/cpuinfo").read_text(), platform.processor())
    system = first_match(r'^PRETTY_NAME="?([^"\n]*)', pathlib.Path("/etc/os-release").read_text(), "Linux")
    cache = (build / "CMakeCache.txt").read_text()
    version = first_match(r"^CMAKE_PROJECT_VERSION:\w+=(.*)$", cache, "")
    compiler = first_match(r"^CMAKE_CXX_COMPILER:\w+=(.*)$", cache, "c++")
    compiler = subprocess.run([compiler, "--version"], check=True, capture_output=True, text=True).stdout.splitlines()[0]
    return (
        f"{datetime.date.today().isoformat()}, {cpu} with {os.cpu_count()} cores, {system}; thaw {version}, "
        f"{compiler}. Load average at the start: {load}.\n"
    )


def scaled(value, units=("", "k", "M", "G", "T")):
    for unit in units:
        if value < 1000 or unit == units[-1]:
            return f"{value:.1f} {unit}"
        value /= 1000


def rate(run):
    if "flops" in run:
        return scaled(run["flops"]) + "FLOP/s"
    if "bytes_per_second" in run:
        return scaled(run["bytes_per_second"]) + "B/s"
    return f"{1e9 / run['items_per_second']:.0f} ns per op"


def micro_section(path):
    runs = json.loads(path.read_text())["benchmarks"]
    rows = [[run["name"], f"{run['real_time'] / 1e3:.2f}", rate(run)] for run in runs]
    return "\n## Single ops\n\nOne thread; `bench/micro_ops.cpp` says what the arguments are.\n\n" + table(
        ["op/arguments", "µs", "rate"], rows
    )


FREEZE_TEXT = """
## What freezing saves

Step time as a ratio to `full`: measured, and expected from the measured times of `full`'s ops: the sum of those that
the strategy's step still runs over the sum of all. Blocks of steps of the strategies alternate; medians. In the
last column more than 1.15 means that freezing saves less than it should.

"""


def freeze_section(path):
    results = [json.loads(line) for line in path.read_text().splitlines()]
    rows = [
        [
            r["case"], r["strategy"], r["threads"], f"{r['full_ms']:.3f}", f"{r['ms']:.3f}",
            f"{r['ratio_measured']:.3f}", f"{r['ratio_expected']:.3f}", f"{r['measured_over_expected']:.2f}",
        ]
        for r in results
    ]
    header = ["case", "strategy", "threads", "full ms", "ms", "measured", "expected", "measured / expected"]
    return FREEZE_TEXT + table(header, rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--micro", required=True, type=pathlib.Path, help="Google Benchmark's JSON")
    parser.add_argument("--freeze", required=True, type=pathlib.Path, help="bench_freeze's lines")
    parser.add_argument("--peers", required=True, type=pathlib.Path, help="the Markdown of peers/steps.py")
    parser.add_argument("--load", required=True)
    parser.add_argument("--build", required=True, type=pathlib.Path, help="the build folder")
    arguments = parser.parse_args()
    print("# Benchmark results\n\nWritten by `bench/run.sh`; `README.md` here says how to read them.\n")
    print(machine(arguments.load, arguments.build), end="")
    print(arguments.peers.read_text(), end="")
    print(freeze_section(arguments.freeze), end="")
    print(micro_section(arguments.micro), end="")


if __name__ == "__main__":
    main()
