#!/usr/bin/env python3
"""Speed of thaw's tokenizers beside PyPI's `tokenizers`, on one thread each, taking turns over the lines of a text.

Usage: python3 bench/peers/tokenizer_speed.py --tool build/release/bin/tools/tokenize --folder DIR [DIR...] --text FILE
Each folder has a tokenizer.json. Prints the median MB/s of both and their ratio. Measure on an idle machine.
"""
import argparse
import os
import statistics
import struct
import subprocess
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
import tokenizers  # noqa: E402: it reads the environment


def thaw_round(tool, folder, requests):
    result = subprocess.run([tool, folder, "1"], input=requests, stdout=subprocess.PIPE, check=True)
    seconds, ids = result.stdout.split()
    return float(seconds), int(ids)


def peer_round(encode):
    start = time.perf_counter()
    encodings = encode()
    return time.perf_counter() - start, sum(len(e) for e in encodings)


def compare(tool, folder, lines, rounds):
    tokenizer = tokenizers.Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    requests = b"".join(struct.pack("<3i", len(x), -1, 0) + x for x in (line.encode() for line in lines))
    runners = {
        "thaw": lambda: thaw_round(tool, folder, requests),
        "encode_batch": lambda: peer_round(lambda: tokenizer.encode_batch(lines)),
        "encode_batch_fast": lambda: peer_round(lambda: tokenizer.encode_batch_fast(lines)),
        "encode, one by one": lambda: peer_round(lambda: [tokenizer.encode(line) for line in lines]),
    }
    seconds, ids = {name: [] for name in runners}, set()
    for _ in range(rounds):
        for name, run in runners.items():
            took, count = run()
            seconds[name].append(took)
            ids.add(count)
    assert len(ids) == 1, f"the ids differ: {ids}"
    megabytes = sum(len(line.encode()) for line in lines) / 1e6
    ours = statistics.median(seconds["thaw"])
    print(f"{folder}: {megabytes:.1f} MB in {len(lines)} texts, {rounds} rounds")
    for name, times in seconds.items():
        median = statistics.median(times)
        print(f"  {name:20} {megabytes / median:8.2f} MB/s   thaw is {median / ours:.2f} times as fast")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", required=True, help="the program tests/tools/tokenize.cpp")
    parser.add_argument("--folder", nargs="+", required=True)
    parser.add_argument("--text", required=True, help="a text file; every line of it is a text")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with open(options.text, encoding="utf-8", errors="replace") as file:
        lines = [line.rstrip("\n") for line in file]
    print(f"tokenizers {tokenizers.__version__}")
    for folder in options.folder:
        compare(options.tool, folder, lines, options.rounds)


if __name__ == "__main__":
    main()
