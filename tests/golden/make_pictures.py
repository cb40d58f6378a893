#!/usr/bin/env python3
"""Makes tests/golden/pictures/: small PNG and JPEG files of every kind, and pictures.json with what Pillow makes of them.

  python3 tests/golden/make_pictures.py

pictures.json: "pillow", its version; "files": for each file its "size" [width, height] and the pixels of convert("RGB"),
and of convert("L"), row by row, as it is to be seen (exif_transpose); "resized": for some of them the pixels of
convert("RGB").resize(size, filter); "changed": of color.png (equalize: of color.jpg, which has enough pixels) what
ImageEnhance, ImageOps and Image.transform make of it.
"""
import json
import pathlib

import numpy
import PIL
from PIL import Image, ImageEnhance, ImageOps

FOLDER = pathlib.Path(__file__).parent / "pictures"
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def pixels(image):
    return numpy.asarray(image).reshape(-1).tolist()


def main():
    FOLDER.mkdir(exist_ok=True)
    rng = numpy.random.default_rng(7)

    def noise(channels, width=9, height=7):
        return rng.integers(0, 256, (height, width, channels), numpy.uint8)

    smooth = numpy.stack([numpy.add.outer(9 * numpy.arange(16), (3 + 4 * c) * numpy.arange(24)) % 256
                          for c in range(3)], -1).astype(numpy.uint8)
    color = Image.fromarray(noise(3))
    made = {"grey.png": Image.fromarray(noise(1).squeeze(-1)), "color.png": color,
            "grey_alpha.png": Image.fromarray(noise(2)), "color_alpha.png": Image.fromarray(noise(4)),
            "palette.png": color.quantize(20), "bits.png": Image.fromarray(noise(1).squeeze(-1) > 127),
            "noise.png": Image.fromarray(255 * rng.integers(0, 2, (13, 11, 3), numpy.uint8))}
    for name, image in made.items():
        image.save(FOLDER / name)
    color.quantize(9).save(FOLDER / "palette_clear.png", transparency=3)
    Image.fromarray(smooth).save(FOLDER / "color.jpg", quality=90)
    Image.fromarray(smooth[..., 0]).save(FOLDER / "grey.jpg", quality=75)
    Image.fromarray(smooth).save(FOLDER / "progressive.jpg", quality=60, progressive=True)
    for orientation in range(2, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(smooth[:8, :11]).save(FOLDER / f"turned{orientation}.jpg", exif=exif, quality=30)
    files, resized = {}, []
    for path in sorted(set(FOLDER.glob("*.*g")) - {FOLDER / "sixteen.png", FOLDER / "cmyk.jpg"}):
        image = ImageOps.exif_transpose(Image.open(path))
        files[path.name] = {"size": image.size, "rgb": pixels(image.convert("RGB")), "l": pixels(image.convert("L"))}
    for name in ("color.png", "noise.png", "color.jpg"):
        image = Image.open(FOLDER / name).convert("RGB")
        for size in ((5, 4), (20, 3), (3, 17), (14, 12), (image.width, 6), (6, image.height)):
            for label, resample in FILTERS.items():
                resized.append({"file": name, "size": size, "filter": label,
                                "rgb": pixels(image.resize(size, resample))})
    image, enhancers = color, {"brightness": ImageEnhance.Brightness, "contrast": ImageEnhance.Contrast,
                               "saturation": ImageEnhance.Color, "sharpness": ImageEnhance.Sharpness}
    changed = {f"{name} {factor}": pixels(enhancer(image).enhance(factor))
               for name, enhancer in enhancers.items() for factor in (0.3, 1.4)}
    changed["posterize 5"] = pixels(ImageOps.posterize(image, 5))
    changed["solarize 178"] = pixels(ImageOps.solarize(image, 178))
    changed["autocontrast"] = pixels(ImageOps.autocontrast(image))
    changed["equalize"] = pixels(ImageOps.equalize(Image.open(FOLDER / "color.jpg").convert("RGB")))
    # About the middle: Pillow's coefficients are about the corner, and rounded to 16 binary places.
    a, b, c, d, e, f = 0.9123, 0.2071, 1.27, -0.3133, 1.1071, -0.53
    x, y = image.width / 2, image.height / 2
    changed["transform"] = pixels(image.transform(image.size, Image.Transform.AFFINE, (
        a, b, c + x - a * x - b * y, d, e, f + y - d * x - e * y), Image.Resampling.NEAREST))
    # Not compared: Pillow makes no grey of 16 bits, and thaw reads no CMYK.
    Image.fromarray((numpy.arange(20, dtype=numpy.uint16) * 3000).reshape(4, 5)).save(FOLDER / "sixteen.png")
    Image.fromarray(noise(4, 3, 2), "CMYK").save(FOLDER / "cmyk.jpg")
    found = {"pillow": PIL.__version__, "files": files, "resized": resized, "changed": changed}
    text = json.dumps(found, separators=(",", ":"))
    (FOLDER / "pictures.json").write_text(text.replace('},', '},\n') + "\n")


if __name__ == "__main__":
    main()
