#!/usr/bin/env python3
"""Compares what thaw makes of picture files with PyPI's Pillow and transformers.

  python3 tests/golden/check_pictures.py --tool build/release/bin/tools/dump_picture [FILE_OR_FOLDER...]

Compared, for pictures that it makes itself (noise, gradients, stripes; every kind of PNG and JPEG that Pillow writes;
every EXIF orientation) and for 300 PNG and JPEG files of those given:
  - pixels, in colour and in grey (of 16-bit PNG with the upper bytes, which Pillow does not take for grey ones);
  - bilinear and bicubic resizing to other sizes, larger and smaller, with odd proportions;
  - the centre crop of transformers' image processors (without their black around a smaller picture).
  - what models see by preprocessor_config.json with the processors of transformers that work by Pillow (those of ViT,
    ConvNeXt and CLIP, several configs of each): within 1e-5.
Of pixels nothing may differ by more than 1 of 255 (of a JPEG's own pixels neither: both decoders are libjpeg-turbo). Prints the
largest differences; exits with 1 where one is beyond its limit. Needs numpy, Pillow and transformers.
"""
import argparse
import pathlib
import random
import subprocess
import sys
import tempfile

import numpy
import PIL
import transformers
from PIL import Image, ImageOps
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
failures = []


class Tool:
    def __init__(self, path):
        self.process = subprocess.Popen([path, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, path, *steps):
        width, height, channels = self.ask(path, *steps)
        values = numpy.frombuffer(self.process.stdout.read(width * height * channels), numpy.uint8)
        return values.reshape(height, width, channels).astype(int)

    def seen(self, path, folder):
        width, height, channels = self.ask(path, "as", folder)
        values = numpy.frombuffer(self.process.stdout.read(4 * width * height * channels), "<f4")
        return values.reshape(channels, height, width)

    def ask(self, path, *steps):
        self.process.stdin.write("\t".join([str(path), *map(str, steps)]).encode() + b"\n")
        self.process.stdin.flush()
        head = self.process.stdout.readline().split()
        if not head:
            sys.exit(f"the tool ended at {path} {steps}")
        return map(int, head)


class Largest:
    """The largest difference of each kind of comparison, with where it was."""

    def __init__(self):
        self.found = {}

    def add(self, what, ours, theirs, where):
        theirs = numpy.asarray(theirs, int)
        theirs = theirs.reshape(theirs.shape[0], theirs.shape[1], -1)
        differ = numpy.abs(ours - theirs).max() if ours.shape == theirs.shape else 999
        count, most, place = self.found.get(what, (0, 0, ""))
        self.found[what] = (count + 1, max(most, differ), where if differ > most else place)

    def report(self, limit=1):
        for what, (count, most, where) in sorted(self.found.items()):
            print(f"{what:40} {count:6} pictures, largest difference {most} {where if most else ''}", flush=True)
            if most > limit:
                failures.append(what)


def made_pixels(rng, width, height, channels):
    kind = rng.integers(4)
    y, x = numpy.mgrid[:height, :width]
    if kind == 0:
        values = rng.integers(0, 256, (height, width, channels))
    elif kind == 1:
        values = numpy.stack([(x * 255 // max(width - 1, 1) + 40 * c) % 256 for c in range(channels)], -1)
    elif kind == 2:
        values = numpy.stack([255 * ((x // 3 + y // (2 + c)) % 2) for c in range(channels)], -1)
    else:
        values = numpy.full((height, width, channels), rng.integers(256))
    return values.astype(numpy.uint8)


def made_files(rng, work):
    def size():
        return int(rng.integers(1, 200)), int(rng.integers(1, 200))

    def picture(mode):
        width, height = size()
        channels = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}[mode]
        return Image.fromarray(made_pixels(rng, width, height, channels).squeeze(-1) if channels == 1
                               else made_pixels(rng, width, height, channels), mode)

    for i in range(40):
        for mode in ("L", "LA", "RGB", "RGBA"):
            path = work / f"{mode}-{i}.png"
            picture(mode).save(path, optimize=bool(i % 2))
            yield path
        path = work / f"palette-{i}.png"
        picture("RGB").quantize(int(rng.integers(2, 256))).save(
            path, **({"transparency": 0} if i % 2 else {}))
        yield path
        path = work / f"bits-{i}.png"
        picture("L").point(lambda v: 255 * (v > 127)).convert("1").save(path)
        yield path
        for mode in ("L", "RGB"):
            path = work / f"{mode}-{i}.jpg"
            picture(mode).save(path, quality=int(rng.integers(20, 100)), progressive=bool(i % 2),
                               subsampling=i % 3, optimize=True)
            yield path
        exif = Image.Exif()
        exif[0x0112] = i % 8 + 1
        path = work / f"turned-{i}.jpg"
        picture("RGB").save(path, exif=exif)
        yield path


def sixteen_bits(rng, tool, work, largest):
    for i in range(10):
        values = rng.integers(0, 1 << 16, (int(rng.integers(1, 60)), int(rng.integers(1, 60))), dtype=numpy.uint16)
        path = work / f"sixteen-{i}.png"
        Image.fromarray(values).save(path)
        largest.add("16 bits of grey, the upper byte", tool(path), values >> 8, path.name)


def crop(image, width, height):
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def compare(tool, rng, path, largest):
    stored = Image.open(path)
    kind = f"{stored.format} {stored.mode}"
    image = ImageOps.exif_transpose(stored)
    if image.mode in ("I", "I;16", "CMYK"):
        return
    for ours, mode in (("colour", "RGB"), ("grey", "L")):
        theirs = image.convert(mode)
        largest.add(f"{kind} as {mode}", tool(path, ours), theirs, path.name)
        for name, resample in FILTERS.items():
            for width, height in ((224, 224), (int(rng.integers(1, 300)), int(rng.integers(1, 300)))):
                largest.add(f"{name} of {mode}", tool(path, ours, name, width, height),
                            theirs.resize((width, height), resample), f"{path.name} to {width} x {height}")
    width, height = int(rng.integers(1, image.width + 1)), int(rng.integers(1, image.height + 1))
    largest.add("centre crop", tool(path, "colour", "crop", width, height), crop(image.convert("RGB"), width, height),
                path.name)


def processors():
    """As folders of Hugging Face have them."""
    sizes = {"height": 40, "width": 24}
    yield ViTImageProcessorPil(size=sizes)
    yield ViTImageProcessorPil(size={"height": 224, "width": 224}, resample=3, image_mean=[0.1, 0.2, 0.3],
                               image_std=[0.4, 0.5, 0.6])
    yield ViTImageProcessorPil(size=sizes, do_rescale=False, do_normalize=False)
    yield ViTImageProcessorPil(size=sizes, rescale_factor=1 / 127.5)
    for edge in (64, 224, 384):
        yield ConvNextImageProcessorPil(size={"shortest_edge": edge}, crop_pct=0.875)
    yield ConvNextImageProcessorPil(size={"shortest_edge": 96}, crop_pct=0.7, resample=2)
    yield CLIPImageProcessorPil(size={"shortest_edge": 72}, crop_size={"height": 64, "width": 64})
    yield CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 48, "width": 40})


def compare_processors(tool, files, work):
    for number, processor in enumerate(processors()):
        processor.save_pretrained(work / str(number))
        most = 0.0
        for path in files:
            pixels = numpy.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))
            image = Image.fromarray(pixels)  # without what the file says of transparency, which CLIP's puts on white
            expected = processor(image, return_tensors="np")["pixel_values"][0]
            ours = tool.seen(path, work / str(number))
            assert ours.shape == expected.shape, (path, ours.shape, expected.shape)
            most = max(most, numpy.abs(ours - expected).max() / max(1, numpy.abs(expected).max()))
        what = f"{type(processor).__name__} {number}"
        print(f"{what:40} {len(files):6} pictures, largest difference {most:.3g}", flush=True)
        if not most <= 1e-5:
            failures.append(what)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", required=True, help="the program tests/tools/dump_picture.cpp")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    arguments = parser.parse_args()
    files = []
    for given in arguments.files:
        files += sorted(p for p in given.rglob("*") if p.suffix.lower() in (".png", ".jpg", ".jpeg")) \
            if given.is_dir() else [given]
    files = random.Random(0).sample(files, min(300, len(files)))
    print(f"Pillow {PIL.__version__}, transformers {transformers.__version__}, {len(files)} files")
    tool, rng, largest = Tool(arguments.tool), numpy.random.default_rng(0), Largest()
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        made = list(made_files(rng, work))
        for path in made:
            compare(tool, rng, path, largest)
        compare_processors(tool, made[::20] + files[:40], work)
        sixteen_bits(rng, tool, work, largest)
    for path in files:
        compare(tool, rng, path, largest)
    largest.report()
    if failures:
        sys.exit("beyond the limit: " + ", ".join(failures))


if __name__ == "__main__":
    main()
