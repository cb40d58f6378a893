"""Peers that take turns: blocks of steps, interleaved, so that a drift of the machine's speed meets all of them."""

import json
import statistics
import subprocess
import time


class Served:
    """A program of this folder's parent with `--serve`: it runs as many steps as it is asked for."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.peak_bytes = 0

    def run(self, steps):
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args[0]} ended with status {self.process.wait()}")
        answer = json.loads(line)
        self.peak_bytes = answer["peak_bytes"]
        return answer["ms"], answer["loss"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Local:
    """The same for an object of this process with a step()."""

    def __init__(self, training):
        self.training = training

    def run(self, steps):
        times, losses = [], []
        for _ in range(steps):
            start = time.perf_counter()
            loss = self.training.step()
            times.append(1e3 * (time.perf_counter() - start))
            losses.append(loss)
        return times, losses


class Timing:
    def __init__(self, times):
        self.median = statistics.median(times)
        self.least = min(times)
        self.count = len(times)


def interleave(peers, seconds, least_steps=20, block_ms=25.0):
    """Times every peer for about `seconds` in all, and a Timing of each.

    The first step of a block is not counted: the caches hold another peer's data, and its threads may still spin.
    """
    first = [statistics.median(peer.run(5)[0]) for peer in peers]
    block = max(4, min(100, round(block_ms / max(first))))
    times = [[] for _ in peers]
    order = list(range(len(peers)))
    start = time.perf_counter()
    while time.perf_counter() - start < seconds or len(times[0]) < least_steps:
        for i in order:
            times[i] += peers[i].run(block + 1)[0][1:]
        order = order[1:] + order[:1]  # nobody always follows the same one
    return [Timing(t) for t in times]


def curves_agree(losses, reference, tolerance=1e-3):
    """Whether two loss curves are the same but for rounding, and their largest relative difference."""
    worst = max(abs(a - b) / max(abs(b), 1e-12) for a, b in zip(losses, reference, strict=True))
    return worst <= tolerance, worst
