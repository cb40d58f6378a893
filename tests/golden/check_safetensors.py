#!/usr/bin/env python3
"""Mutated safetensors files through thaw's reader and PyPI's `safetensors`: do both accept and refuse the same, and load
the same names, types, shapes and bytes?

Usage: python3 tests/golden/check_safetensors.py --tool build/release/bin/tools/read_safetensors [--files 100000]
What the two decide differently is counted by reason; reasons that are not in EXPLAINED fail.
Needs: safetensors, numpy.
"""
import argparse
import collections
import json
import pathlib
import random
import re
import struct
import subprocess
import sys
import tempfile

import numpy
import safetensors
import safetensors.numpy

CHUNK = 2000
# What thaw refuses and PyPI's reader accepts, by a part of thaw's message.
EXPLAINED = {
    "its header does not begin with '{'": "the format's description asks for that byte, PyPI's reader skips blanks",
    "has an unknown key": "the description has three keys for a tensor; PyPI's reader skips others unread",
    '"__metadata__" is null instead of an object': "the description has a map of texts there",
    "occurs twice": "the description forbids repeated keys; PyPI's reader takes the last",
    "overflows 63 bits": "a size of zero beside it hides no size that cannot be; PyPI's reader multiplies the zero in",
    "is too large": "sizes in thaw are signed, of 64 bits",
    "dimensions": "thaw reads up to 8 dimensions",
    "has a byte that is neither 0 nor 1": "of a BOOL; PyPI's reader hands the bytes on",
}
LOADED = {"F32", "F64", "F16", "BF16", "I64", "I32", "U8", "BOOL"}  # the other types of the format have no tensor in thaw


def seeds():
    """Files as the reference writer makes them."""
    rng = numpy.random.default_rng(0)
    floats = lambda *shape: rng.standard_normal(shape).astype(numpy.float32)
    yield safetensors.numpy.save({"a": floats(2, 3)})
    yield safetensors.numpy.save({"w": floats(3, 2), "b": floats(3)}, metadata={"format": "pt"})
    yield safetensors.numpy.save({"x": floats(0, 4), "s": numpy.array(3, numpy.float32), "y": floats(1)})
    yield safetensors.numpy.save({"i": numpy.arange(3), "u": numpy.arange(5, dtype=numpy.uint8),
                                  "h": floats(2, 2).astype(numpy.float16), "t": numpy.array([True, False])})
    yield safetensors.numpy.save({f"layer.{i}.weight": floats(2, 2) for i in range(6)}, metadata={"a": "b", "é": "\u2028"})
    yield safetensors.numpy.save({"d": floats(2).astype(numpy.float64), "c": floats(2).astype(numpy.complex64)})
    yield safetensors.numpy.save({})


def join(header, data, length=None):
    return struct.pack("<Q", len(header) if length is None else length) + header + data


TOKENS = [b"{", b"}", b"[", b"]", b",", b":", b'"', b" ", b"\n", b"\t", b"0", b"-1", b"1e3", b"1.0", b"null", b"true", b"\\u0000",
          b"\\ud800", b"\x00", b"\xff", b"\xc3\xa9", b'"dtype":"F32"', b'"x":1', b'"__metadata__":{"k":"v"}', b'"__metadata__":null',
          b'"shape":[]', b'"data_offsets":[0,0]', b"18446744073709551615", b"9223372036854775808", b"4611686018427387904", b"00"]
DTYPES = [b"BOOL", b"F4", b"F6_E2M3", b"U8", b"I8", b"F8_E5M2", b"F8_E4M3", b"F8_E8M0", b"I16", b"U16", b"F16", b"BF16", b"I32",
          b"U32", b"F32", b"C64", b"F64", b"I64", b"U64", b"f32", b"F128", b""]


def mutate_bytes(rng, text):
    text = bytearray(text)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(text) + 1)
        kind = rng.randrange(5)
        if kind == 0 and text:
            text[at % len(text)] = rng.randrange(256)
        elif kind == 1 and text:
            text[at % len(text)] ^= 1 << rng.randrange(8)
        elif kind == 2:
            text[at:at] = rng.choice(TOKENS)
        elif kind == 3:
            del text[at : at + rng.randint(1, 8)]
        else:
            end = at + rng.randint(1, 60)
            text[at:at] = text[at:end]
    return bytes(text)


def change_number(rng, header):
    found = rng.choice(list(re.finditer(rb"\d+", header)) or [None])
    if found is None:
        return header
    value = int(found.group())
    new = rng.choice([value + 1, max(value - 1, 0), value + 4, value * 2, 0, -value, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 2**32, value // 2])
    return header[: found.start()] + str(new).encode() + header[found.end() :]


def change_dtype(rng, header):
    found = rng.choice(list(re.finditer(rb'"dtype":"([^"]*)"', header)) or [None])
    return header if found is None else header[: found.start(1)] + rng.choice(DTYPES) + header[found.end(1) :]


def change_tree(rng, header):
    """Well-formed JSON with another structure."""
    tree = json.loads(header)
    names = [name for name in tree if name != "__metadata__"]
    kind = rng.randrange(7)
    if not names:
        tree["n"] = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    elif kind == 0:
        del tree[rng.choice(names)][rng.choice(["dtype", "shape", "data_offsets"])]
    elif kind == 1:
        tree[rng.choice(names)][rng.choice(["extra", "Dtype", ""])] = rng.choice([1, None, "x", [], {}])
    elif kind == 2:
        tree[rng.choice(names)]["shape"] = rng.choice([[], [0], [1] * rng.choice([9, 40]), [2, 3, 1], [2**62, 4], [0, 2**63], None, "2"])
    elif kind == 3:
        tree[rng.choice(names)]["data_offsets"] = rng.choice([[0], [0, 4, 8], [4, 0], [0, 2**63], [], None, ["0", "4"]])
    elif kind == 4:
        tree["__metadata__"] = rng.choice([{}, None, [], {"a": 1}, {"a": None}, {"a": {"b": "c"}}, "x", {"": ""}])
    elif kind == 5:
        tree[rng.choice(["", "n\u0000", "\ud83d\ude00", names[0] + "x"])] = tree[rng.choice(names)]
    else:
        tree = rng.choice([[tree], {"a": tree}, None, 0, "x", dict(reversed(list(tree.items())))])
    return json.dumps(tree, ensure_ascii=rng.random() < 0.5, indent=rng.choice([None, 1])).encode("utf-8", "surrogatepass")


def mutated(rng, file):
    length = struct.unpack("<Q", file[:8])[0]
    header, data = file[8 : 8 + length], file[8 + length :]
    kind = rng.randrange(10)
    if kind == 0:
        return file[: rng.randrange(len(file))]
    if kind == 1:
        return file + rng.randbytes(rng.randint(1, 9))
    if kind == 2:
        return join(header, data, rng.choice([0, 1, 7, length - 1, length + 1, len(file), 2**20, 10**8, 10**8 + 1, 2**63, 2**64 - 1, length + 8]))
    if kind == 3:
        return join(mutate_bytes(rng, header), data)
    if kind == 4:
        return join(change_number(rng, header), data)
    if kind == 5:
        return join(change_dtype(rng, header), data)
    if kind == 6:
        return join(header, mutate_bytes(rng, data))
    if kind == 7:
        space = rng.choice([b" ", b"\n", b"\t", b"\r", b"\x0b", b"\x00", b"x"]) * rng.randint(1, 9)
        return join(space + header if rng.random() < 0.5 else header.rstrip() + space, data)
    if kind == 8:
        return join(change_tree(rng, header), data)
    return mutate_bytes(rng, file)


def as_loaded(dtype, data):
    """What thaw makes of a tensor's bytes: F16 becomes f32."""
    if dtype not in LOADED:
        return None
    return numpy.frombuffer(data, "<f2").astype("<f4").tobytes() if dtype == "F16" else bytes(data)


def by_reference(file):
    try:
        return {name: [t["dtype"], t["shape"], as_loaded(t["dtype"], t["data"])] for name, t in safetensors.deserialize(file)}
    except Exception as error:  # the package has one error class for all, and UnicodeDecodeError comes through
        return str(error)


def by_thaw(line):
    """A tensor that is not loaded though its type is one of LOADED counts as the file's refusal."""
    found = json.loads(line)
    if "refused" in found:
        return found["refused"]
    tensors = {}
    for name, (dtype, shape, data) in found["tensors"].items():
        refused = isinstance(data, dict)
        if refused and dtype in LOADED:
            return data["refused"]
        tensors[name] = [dtype, shape, None if refused else bytes.fromhex(data)]
    return tensors


def reason(message):
    for part in EXPLAINED:
        if part in message:
            return part
    return re.sub(r"\(/.*", "", re.sub(r'"(\\.|[^"])*"', '""', re.sub(r"\d+", "N", message)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tool", required=True)
    parser.add_argument("--files", type=int, default=100000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    originals = list(seeds())
    counts, examples = collections.Counter(), {}
    with tempfile.TemporaryDirectory() as folder:
        for begin in range(0, arguments.files, CHUNK):
            files = [mutated(rng, rng.choice(originals)) for _ in range(min(CHUNK, arguments.files - begin))]
            paths = [pathlib.Path(folder) / f"{i}.safetensors" for i in range(len(files))]
            for path, file in zip(paths, files):
                path.write_bytes(file)
            done = subprocess.run([arguments.tool], input="\n".join(map(str, paths)) + "\n", capture_output=True, text=True, check=True)
            for file, line in zip(files, done.stdout.splitlines(), strict=True):
                ours, theirs = by_thaw(line), by_reference(file)
                if isinstance(ours, str) and isinstance(theirs, str):
                    key = "both refuse"
                elif ours == theirs:
                    key = "both read the same"
                elif isinstance(ours, str):
                    key = "thaw alone refuses: " + reason(ours)
                elif isinstance(theirs, str):
                    key = "thaw alone reads: " + reason(theirs)
                else:
                    key = "both read, not the same"
                counts[key] += 1
                examples.setdefault(key, file)
    explained = {"both refuse", "both read the same"} | {"thaw alone refuses: " + part for part in EXPLAINED}
    for key, count in counts.most_common():
        text = key
        for part, why in EXPLAINED.items():
            if key.endswith(": " + part):
                text += f" ({why})"
        print(f"{count:7} {text}" + ("" if key in explained else f"   NOT EXPLAINED, such as {examples[key][:300]!r}"))
    sys.exit(0 if set(counts) <= explained else 1)


main()
