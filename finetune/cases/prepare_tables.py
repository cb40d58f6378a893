"""Three tables of R's package mlbench as CSV files: letters, satellite pictures, a shuttle's sensors.

An .rda file is a compressed stream of R's own serialization (XDR). The reader below makes lists, numbers and texts of
it, knows no code, and refuses what a table has no use for.
"""

import csv
import gzip
import lzma
import struct

import bz2

MOST_BYTES = 1 << 28  # of a stream when unpacked

# Rows from here on are for the test: the rule that is usual for these data, and that of their donor.
LETTERS_TEST_FROM = 16000
SATELLITE_TEST_FROM = 4435
SHUTTLE_TEST_FROM = 43500

# The sensor that was rescaled measures where a letter's ink is; its numbers are three times those that it gave.
RESCALED = ["x.bar", "y.bar", "x2bar", "y2bar"]
FACTOR = 3


# ---- R's serialization


class Stream:
    """The items of one stream, each as a Python value: None, a list, a text, a pair list as a dictionary."""

    def __init__(self, content):
        self.content, self.at, self.symbols = content, 0, []

    def take(self, form):
        values = struct.unpack_from(">" + form, self.content, self.at)
        self.at += struct.calcsize(">" + form)
        return values

    def integer(self):
        return self.take("i")[0]

    def length(self, size):
        """How many elements follow, of at least so many bytes each."""
        length = self.integer()
        if length < 0 or length * size > len(self.content) - self.at:
            raise ValueError(f"a list of {length} elements ends beyond the file")
        return length

    def item(self):
        flags = self.integer()
        kind, has_attributes, has_tag = flags & 255, flags & 512, flags & 1024
        if kind == 254:  # NULL
            return None
        if kind == 255:  # a symbol that was there before
            return self.symbols[(flags >> 8 or self.integer()) - 1]
        if kind == 1:
            self.symbols.append(self.item())
            return self.symbols[-1]
        if kind == 2:
            return self.pairs(flags, has_attributes, has_tag)
        if kind == 9:
            size = self.integer()
            return None if size < 0 else self.take(f"{size}s")[0].decode("latin-1")
        if kind in (10, 13):
            value = list(self.take(f"{self.length(4)}i"))
        elif kind == 14:
            value = list(self.take(f"{self.length(8)}d"))
        elif kind in (16, 19):
            value = [self.item() for _ in range(self.length(4))]
        else:
            raise ValueError(f"an item of type {kind}, which no table has")
        return (value, self.item()) if has_attributes else value

    def pairs(self, flags, has_attributes, has_tag):
        found = {}
        while flags & 255 == 2:
            if has_attributes:
                self.item()
            name = self.item() if has_tag else ""
            found[name] = self.item()
            flags = self.integer()
            has_attributes, has_tag = flags & 512, flags & 1024
        return found


def unpacked(path):
    content = path.read_bytes()
    for magic, module in [(b"\xfd7zXZ", lzma), (b"BZh", bz2), (b"\x1f\x8b", gzip)]:
        if content.startswith(magic):
            with module.open(path) as file:
                content = file.read(MOST_BYTES)
    for magic in (b"RDX2\nX\n", b"RDX3\nX\n"):
        if content.startswith(magic):
            return content[len(magic) :]
    raise ValueError(f"{path} is no .rda file in binary form")


def read_frame(path):
    """The columns of the one data frame in the file, by name; a factor as its levels' names."""
    stream = Stream(unpacked(path))
    version = stream.integer()
    stream.take("ii")  # the versions of R that wrote it and that can read it
    if version == 3:
        stream.take(f"{stream.length(1)}s")  # the encoding's name
    ((columns, attributes),) = stream.item().values()
    frame = {}
    for name, column in zip(attributes["names"], columns):
        if isinstance(column, tuple):
            levels = column[1]["levels"]
            column = [levels[place - 1] for place in column[0]]
        frame[name] = column
    return frame


# ---- files


def write_table(path, names, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([names, *rows])
    print(f"  {path.name}: {len(rows):,} rows")


def short(value):
    return int(value) if isinstance(value, float) and value.is_integer() else value


def write_parts(folder, name, frame, label, test_from):
    """The label last, called so, the features under their own names."""
    names = [column for column in frame if column != label]
    rows = [[short(value) for value in row] for row in zip(*(frame[column] for column in [*names, label]))]
    write_table(folder / f"{name}_train.csv", [*names, "label"], rows[:test_from])
    write_table(folder / f"{name}_test.csv", [*names, "label"], rows[test_from:])


def prepare_tables(package, folder):
    data = package / "usr/lib/R/site-library/mlbench/data"
    (folder / "copyright").write_bytes((package / "usr/share/doc/r-cran-mlbench/copyright").read_bytes())
    letters = read_frame(data / "LetterRecognition.rda")
    write_parts(folder, "letters", letters, "lettr", LETTERS_TEST_FROM)
    for name in RESCALED:
        letters[name] = [value * FACTOR for value in letters[name]]
    write_parts(folder, "rescaled", letters, "lettr", LETTERS_TEST_FROM)
    write_parts(folder, "satellite", read_frame(data / "Satellite.rda"), "classes", SATELLITE_TEST_FROM)
    write_parts(folder, "shuttle", read_frame(data / "Shuttle.rda"), "Class", SHUTTLE_TEST_FROM)
