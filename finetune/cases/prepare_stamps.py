"""Pictures of a drawing program for children, by what they show: photographs to learn from, drawings as a shift.

A PNG file is read and written here, as far as the package needs it, so that nothing has to be installed for it.
"""

import collections
import hashlib
import re
import struct
import zlib

CATEGORIES = ["animals", "food", "household", "plants", "vehicles"]
TEST_SHARE = 0.3
LARGEST_SIDE = 128
# The share of pixels beside each other that are equal: noise keeps it low in photographs, areas of one colour high in
# drawings. Between the two it says nothing, and those are left out.
PHOTOGRAPH_BELOW, DRAWING_FROM = 0.1, 0.25

Pixels = collections.namedtuple("Pixels", "width height rows")  # rows of (red, green, blue, alpha)


# ---- PNG


def chunks(content):
    at = 8
    while at < len(content):
        size, kind = struct.unpack_from(">I4s", content, at)
        yield kind, content[at + 8 : at + 8 + size]
        at += size + 12


def unfilter(kind, row, above, step):
    """Undoes a row's filter (PNG, section 9), in place."""
    if kind == 2:
        for i, up in enumerate(above):
            row[i] = row[i] + up & 255
    elif kind:
        for i in range(len(row)):
            left = row[i - step] if i >= step else 0
            if kind == 1:
                guess = left
            elif kind == 3:
                guess = left + above[i] >> 1
            else:
                corner = above[i - step] if i >= step else 0
                a, b, c = abs(above[i] - corner), abs(left - corner), abs(left + above[i] - 2 * corner)
                guess = left if a <= b and a <= c else above[i] if b <= c else corner
            row[i] = row[i] + guess & 255


def read_png(path):
    """Of 8 bits, not interlaced: grey or colour with alpha, or a palette."""
    found = collections.defaultdict(bytes)
    for kind, data in chunks(path.read_bytes()):
        found[kind] += data
    width, height, bits, color, _, _, interlaced = struct.unpack(">IIBBBBB", found[b"IHDR"])
    step = {3: 1, 4: 2, 6: 4}[color]
    assert bits == 8 and not interlaced, path
    raw, above, rows = zlib.decompress(found[b"IDAT"]), bytearray(width * step), []
    alphas = found[b"tRNS"].ljust(256, b"\xff")
    palette = [(*found[b"PLTE"][3 * i : 3 * i + 3], alphas[i]) for i in range(len(found[b"PLTE"]) // 3)]
    for y in range(height):
        at = y * (width * step + 1)
        row = bytearray(raw[at + 1 : at + 1 + width * step])
        unfilter(raw[at], row, above, step)
        above = row
        if color == 3:
            rows.append([palette[value] for value in row])
        elif color == 4:
            rows.append([(grey, grey, grey, alpha) for grey, alpha in zip(row[::2], row[1::2])])
        else:
            rows.append(list(zip(row[::4], row[1::4], row[2::4], row[3::4])))
    return Pixels(width, height, rows)


def write_png(path, rows):
    """Rows of red, green, blue, not compressed: the same bytes whatever zlib there is."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", len(rows[0]) // 3, len(rows), 8, 2, 0, 0, 0)
    raw = b"".join(b"\0" + bytes(row) for row in rows)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw, 0)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content)


# ---- pictures


def equal_neighbours(pixels):
    """Of pixels beside each other that are opaque, the share that are equal."""
    pairs = equal = 0
    for row in pixels.rows:
        for left, right in zip(row, row[1:]):
            if left[3] == 255 and right[3] == 255:
                pairs += 1
                equal += left == right
    return equal / pairs if pairs else 1


def on_white(pixels):
    """Means of squares of whole pixels, so that no side is above LARGEST_SIDE, on white."""
    size = -(-max(pixels.width, pixels.height) // LARGEST_SIDE)
    count, rows = 255 * size * size, []
    for y in range(0, pixels.height - size + 1, size):
        row = bytearray()
        for x in range(0, pixels.width - size + 1, size):
            square = [pixel for line in pixels.rows[y : y + size] for pixel in line[x : x + size]]
            for c in range(3):
                total = sum(pixel[c] * pixel[3] + 255 * (255 - pixel[3]) for pixel in square)
                row.append((2 * total + count) // (2 * count))
        rows.append(row)
    return rows


def kind_of(path, pixels):
    equal = equal_neighbours(pixels)
    if "cartoon" in path.parts:
        return "drawings" if equal >= PHOTOGRAPH_BELOW else None
    return "photographs" if equal < PHOTOGRAPH_BELOW else "drawings" if equal >= DRAWING_FROM else None


def split_of(name):
    """Pictures whose names differ in numbers alone stay together."""
    stem = re.sub(r"[\d_-]+$", "", name.removesuffix(".png").lower())
    return "test" if int(hashlib.sha256(stem.encode()).hexdigest()[:8], 16) < TEST_SHARE * 2**32 else "train"


def prepare_stamps(package, folder):
    stamps, lines = package / "usr/share/tuxpaint/stamps", []
    for category in CATEGORIES:
        for path in sorted((stamps / category).rglob("*.png")):
            pixels = read_png(path)
            kind = kind_of(path, pixels)
            if kind is None:
                continue
            part = f"photographs-{split_of(path.name)}" if kind == "photographs" else kind
            name = f"{part}/{category}/{path.relative_to(stamps / category).as_posix().replace('/', '-')}"
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            write_png(folder / name, on_white(pixels))
            lines.append(f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n")
    (folder / "pictures.sha256").write_text("".join(lines), encoding="utf-8")
