"""Times training steps, and the overhead of an op, in thaw and in PyTorch eager side by side; writes Markdown.

Both start from the same weights and batches, and a ratio counts only where the loss curves of the first 20 steps
agree. Blocks of steps of thaw, PyTorch and PyTorch with the fused AdamW alternate within one run.
"""

import argparse
import gc
import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # PyTorch's profiler is chatty; it reads this when it is loaded
import torch
from safetensors.torch import load_file

import contest
import torch_training

CURVE = 20
STRATEGIES = ["full", "head", "top-1"]


def peak_bytes(case, strategy, state):
    """The most that PyTorch's CPU allocator held in two steps, less weights and batches (oneDNN's own not seen)."""
    training = torch_training.Training(case, strategy, state, fused=False)
    gc.collect()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        training.step()
        training.step()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "trace.json"
        profile.export_chrome_trace(str(path))
        events = json.loads(path.read_text())["traceEvents"]
    memory = sorted((e for e in events if e.get("name") == "[memory]"), key=lambda e: e["ts"])
    totals = [e["args"]["Total Allocated"] for e in memory]
    return max(totals) - (totals[0] - memory[0]["args"]["Bytes"])


def compare_case(binary, case, strategy, threads, seconds):
    """One row of the table, and whether its loss curves agree."""
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "state.safetensors"
        subprocess.run([binary, "--case", case, "--export", path], check=True)
        state = load_file(path)
    peak = peak_bytes(case, strategy, state)
    options = ["--case", case, "--strategy", strategy, "--threads", str(threads)]
    thaw = contest.Served([binary, *options, "--serve"])
    eager, fused = (
        contest.Local(torch_training.Training(case, strategy, state, fused)) for fused in (False, True)
    )
    peers = [thaw, eager, fused]
    curve, eager_curve, _ = (peer.run(CURVE)[1] for peer in peers)
    agree, worst = contest.curves_agree(curve, eager_curve)
    a, b, c = contest.interleave(peers, seconds)
    thaw.close()
    ratio = [f"{a.median / b.median:.2f}", f"{a.median / c.median:.2f}"] if agree else ["curves differ"] * 2
    row = [case, strategy, threads, f"{a.median:.3f} / {a.least:.3f}", f"{b.median:.3f} / {b.least:.3f}",
           f"{c.median:.3f} / {c.least:.3f}", *ratio, f"{thaw.peak_bytes / 1e6:.2f}", f"{peak / 1e6:.2f}",
           f"{worst:.0e}"]
    return row, agree


def compare_overhead(binary, both, seconds):
    torch.set_num_threads(1)
    thaw = contest.Served([binary, *(["--both"] if both else [])])
    a, b = contest.interleave([thaw, contest.Local(torch_training.Chain(both))], seconds)
    thaw.close()
    per_op = 1e3 / torch_training.Chain.OPS
    edges = "both operands want a gradient" if both else "one operand wants a gradient"
    return [edges, *(f"{t.median * per_op:.3f} / {t.least * per_op:.3f}" for t in (a, b)), f"{a.median / b.median:.2f}"]


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(str(cell) for cell in line) + " |\n" for line in lines)


STEPS_TEXT = """
## Training steps beside PyTorch {version}

Forward, backward and AdamW, fp32: milliseconds per step, median / minimum. A ratio is thaw's median over PyTorch's:
below 1 thaw is faster. Peak: the most allocated at once beside weights and batches, in MB, by each one's own
allocator (what oneDNN takes for itself is not in PyTorch's). Curves: the largest relative difference between the two
loss curves over {curve} steps from the same weights; a ratio counts up to 1e-3.

"""

OVERHEAD_TEXT = """
## Overhead of an op beside PyTorch {version}

A chain of {ops} multiplications and additions on 4 elements, forward and backward, 1 thread: microseconds per op,
median / minimum.

"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", required=True, type=pathlib.Path, help="folder of bench_step and bench_overhead")
    parser.add_argument("--out", type=pathlib.Path, help="Markdown is appended to this file; default: standard output")
    parser.add_argument("--cases", nargs="+", default=list(torch_training.MODELS), choices=torch_training.MODELS)
    parser.add_argument("--strategies", nargs="+", default=STRATEGIES, choices=STRATEGIES)
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--seconds", type=float, default=2.0, help="for each row")
    arguments = parser.parse_args()

    rows, all_agree = [], True
    for case in arguments.cases:
        for strategy in arguments.strategies:
            for threads in arguments.threads:
                row, agree = compare_case(arguments.programs / "bench_step", case, strategy, threads, arguments.seconds)
                print(*row, file=sys.stderr)
                rows.append(row)
                all_agree = all_agree and agree
    overhead = [
        compare_overhead(arguments.programs / "bench_overhead", both, arguments.seconds) for both in (False, True)
    ]

    header = ["case", "strategy", "threads", "thaw ms", "PyTorch ms", "PyTorch fused AdamW ms", "ratio", "ratio, fused",
              "thaw peak", "PyTorch peak", "curves"]
    version = torch.__version__
    text = STEPS_TEXT.format(version=version, curve=CURVE) + table(header, rows)
    text += OVERHEAD_TEXT.format(version=version, ops=torch_training.Chain.OPS)
    text += table(["chain", "thaw µs", "PyTorch µs", "ratio"], overhead)
    if arguments.out:
        with arguments.out.open("a", encoding="utf-8") as file:
            file.write(text)
    else:
        print(text)
    if not all_agree:
        sys.exit("steps.py: error: loss curves differ; see the rows that say so")


if __name__ == "__main__":
    main()
