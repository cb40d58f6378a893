#!/usr/bin/env python3
"""Compares thaw's tokenizers with PyPI's `tokenizers`: every Unicode scalar value alone and between two letters, and
random texts (scripts, marks, emoji, controls, long words, code, special tokens), in pairs and truncated too.

Usage: python3 tests/golden/check_tokenizers.py --tool build/release/bin/tools/tokenize --folder DIR [DIR...]
       python3 tests/golden/check_tokenizers.py --tool build/release/bin/tools/tokenize --make DIR [NAME...]
Each folder has tokenizer.json, or the older files, which PyPI's `transformers` then reads for the comparison. --make
writes folders of the known kinds into DIR (tokenizer_folders.py), the same ones on every run, and compares with these,
or with those of them that are named.
Needs: tokenizers, numpy (and transformers; sentencepiece and protobuf for --make). Exits with 1 if a single text differs.
"""
import argparse
import os
import random
import struct
import subprocess
import sys
import unicodedata

import numpy
import tokenizers

CHUNK = 20000  # texts that go through both at a time
SCRIPTS = [(0x41, 0x7A), (0xC0, 0x24F), (0x370, 0x3FF), (0x400, 0x4FF), (0x5D0, 0x5EA), (0x620, 0x6D3), (0x900, 0x97F),
           (0xE00, 0xE5B), (0x1100, 0x11FF), (0x1E00, 0x1EFF), (0x1F00, 0x1FFF), (0x3041, 0x30FF), (0x4E00, 0x9FFF),
           (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFB00, 0xFB06), (0xFF00, 0xFFEF), (0x1D400, 0x1D7FF),
           (0x1E900, 0x1E95F), (0x20000, 0x2CEAF)]
SPACES = [" ", "  ", "   ", "\t", "\n", "\r\n", "\n\n ", "\u00a0", "\u2003", "\u3000", "\u2028", "\x0b", "\x0c", "\x85"]
CONTRACTIONS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "''s", "' s", "\u2019s", "'", " '", "n't"]
CODE = ["for(i=0;i<n;++i){x[i]+=1.5e-3;}", "#include <a/b.h>", "std::vector<int>", "a_b__c", "https://x.org/?q=1&r=%20",
        "##ing", "[UNK", "UNK]", "$12,345.67", "C++20", "0x1F600", "\\n", "<|", "|>", "</", "e=mc^2", "~`@#%&*"]
EMOJI = ["\U0001F600", "\U0001F468\u200d\U0001F469\u200d\U0001F467", "\u2764\ufe0f", "\U0001F1E9\U0001F1EA",
         "\U0001F44D\U0001F3FD", "1\ufe0f\u20e3", "\u00ae"]
MARKS = [c for c in range(0x110000) if unicodedata.category(chr(c))[0] == "M"]


def any_scalar(rng):
    c = rng.randrange(0x110000 - 0x800)
    return chr(c if c < 0xD800 else c + 0x800)


def fragments(rng, special):
    """Some thousand pieces that random texts are made of."""
    word = lambda low, high, size: "".join(chr(rng.randint(low, high)) for _ in range(size))
    ascii_word = lambda size: "".join(rng.choices("etaoinshrdlucmfwypvbgkjqxzABCDEFGH", k=size))
    out = [ascii_word(rng.randint(1, 9)) for _ in range(1500)]
    out += [word(*rng.choice(SCRIPTS), rng.randint(1, 6)) for _ in range(600)]
    out += [str(rng.randrange(10 ** rng.randint(1, 9))) for _ in range(150)]
    out += [rng.choice(["a", "e", "\u1ea1", "\uac00", "\u0915", " "])
            + "".join(chr(rng.choice(MARKS)) for _ in range(rng.randint(1, 5))) for _ in range(250)]
    out += ["".join(any_scalar(rng) for _ in range(rng.randint(1, 4))) for _ in range(400)]
    out += [chr(rng.randrange(0x20)) for _ in range(40)] + ["\x7f", "\ufffd", "\u200b", "\ufeff", "\u00ad", "\ue000"]
    out += [rng.choice(SPACES) for _ in range(400)] + [" "] * 1200
    out += CONTRACTIONS * 5 + CODE * 5 + EMOJI * 8 + list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") * 4
    out += [ascii_word(rng.randint(90, 130)) for _ in range(6)] + [rng.choice("a =-") * rng.randint(20, 400)]
    for token in special:
        out += [token, token, " " + token + " ", "\u00a0" + token + "\n", "a" + token, token + "b", token.lower(),
                token.upper(), token[:-1]]
    return out


def random_texts(rng, special, count):
    pieces = fragments(rng, special)
    return ["".join(rng.choices(pieces, k=rng.choice((1, 2, 3, 5, 8, 13, 21, 60)))) for _ in range(count)]


class Reference:
    def __init__(self, folder):
        path = os.path.join(folder, "tokenizer.json")
        if os.path.exists(path):
            self.tokenizer = tokenizers.Tokenizer.from_file(path)
        else:
            import transformers
            self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder).backend_tokenizer
        self.side = (self.tokenizer.truncation or {}).get("direction", "right")
        self.tokenizer.no_padding()
        self.special = [t.content for t in self.tokenizer.get_added_tokens_decoder().values()]

    def encode(self, texts, max_length):
        self.tokenizer.no_truncation()
        if max_length:
            self.tokenizer.enable_truncation(max_length, direction=self.side)
        return [(e.ids, e.type_ids) for e in self.tokenizer.encode_batch(texts)]


def encode_with_thaw(tool, folder, texts, max_length):
    requests = []
    for text in texts:
        first, second = text if isinstance(text, tuple) else (text, None)
        first, second = first.encode(), second if second is None else second.encode()
        requests += [struct.pack("<3i", len(first), -1 if second is None else len(second), max_length), first, second or b""]
    result = subprocess.run([tool, folder], input=b"".join(requests), stdout=subprocess.PIPE, check=True)
    numbers, at, encodings = numpy.frombuffer(result.stdout, "<i4").tolist(), 0, []
    for _ in texts:
        size = numbers[at]
        encodings.append((numbers[at + 1:at + 1 + size], numbers[at + 1 + size:at + 1 + 2 * size]))
        at += 1 + 2 * size
    assert at == len(numbers)
    return encodings


class Comparison:
    def __init__(self, tool, folder):
        self.tool, self.folder, self.reference = tool, folder, Reference(folder)
        self.texts = self.differences = 0

    def chunk(self, texts, max_length=0):
        expected = self.reference.encode(texts, max_length)
        for text, ours, theirs in zip(texts, encode_with_thaw(self.tool, self.folder, texts, max_length), expected):
            self.texts += 1
            if ours != theirs:
                self.differences += 1
                if self.differences <= 3:
                    print(f"differs, max_length {max_length}:", *(f"{what} {content!a:.600}\n" for what, content in (
                        ("text", text), ("thaw", ours), ("tokenizers", theirs))))

    def report(self, what):
        print(f"{self.folder}: {what}: {self.texts} texts, {self.differences} differences", flush=True)
        found, self.texts, self.differences = self.differences, 0, 0
        return found


def compare(tool, folder, count, seed, scalars):
    comparison, found = Comparison(tool, folder), 0
    every = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000] if scalars else []
    for what, form in (("every scalar value", "%s"), ("every scalar value in a word", "a%sb")):
        for at in range(0, len(every), 4 * CHUNK):
            comparison.chunk([form % c for c in every[at:at + 4 * CHUNK]])
        found += comparison.report(what) if scalars else 0
    rng = random.Random(seed)
    for at in range(0, count, CHUNK):
        texts = random_texts(rng, comparison.reference.special, min(CHUNK, count - at))
        part = (len(texts) + 3) // 4
        pairs = list(zip(texts[2 * part:], texts[::-1]))
        comparison.chunk(texts[:part])
        comparison.chunk(texts[part:2 * part], rng.randint(4, 60))
        comparison.chunk(pairs[:part])
        comparison.chunk(pairs[part:] + [(a, a) for a in texts[:9]], rng.randint(4, 60))
    return found + comparison.report("random texts and pairs")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", required=True, help="the program tests/tools/tokenize.cpp")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--folder", nargs="+", help="folders with a tokenizer each")
    which.add_argument("--make", nargs="+", metavar=("DIR", "NAME"), help="make them, and take those of these names")
    parser.add_argument("--random", type=int, default=1000000, help="random texts for each folder")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-scalars", action="store_true", help="random texts alone")
    options = parser.parse_args()
    if options.make:
        from tokenizer_folders import make_folders
        made, names = make_folders(options.make[0]), options.make[1:]
        if unknown := set(names) - {os.path.basename(path) for path in made}:
            parser.error(f"no such folder is made: {', '.join(sorted(unknown))}")
        options.folder = [path for path in made if not names or os.path.basename(path) in names]
    print(f"tokenizers {tokenizers.__version__}")
    found = sum(compare(options.tool, folder, options.random, options.seed, not options.no_scalars)
                for folder in options.folder)
    print(f"{found} differences in all")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
