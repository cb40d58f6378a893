#!/usr/bin/env python3
"""Has PyPI's `transformers` load the folder of a run, with its tokenizer, and compares its logits with those of
`thaw predict`.

    pip install torch transformers
    python tests/golden/check_models.py --thaw build/release/bin/thaw --input texts.csv RUN

The input is what `thaw predict` takes: a .csv with the text column of the run, or an IDX file of images. Prints the
largest difference; exits with 1 where it is beyond 1e-5.
"""

import argparse
import csv
import json
import pathlib
import struct
import subprocess
import sys

import torch
import transformers


def read_images(path, run):
    """Pixels of an uncompressed IDX file as [N, 1, H, W]: as the run's image processor makes them, else in 0..1."""
    data = path.read_bytes()
    _, count, height, width = struct.unpack(">4I", data[:16])
    pixels = torch.frombuffer(bytearray(data[16:]), dtype=torch.uint8)
    images = pixels.reshape(count, 1, height, width)
    if not (run / "preprocessor_config.json").exists():
        return images.float() / 255
    processor = transformers.AutoImageProcessor.from_pretrained(run)
    return processor(list(images.numpy()), input_data_format="channels_first", return_tensors="pt").pixel_values


def text_logits(folder, preprocess, path):
    """One text at a time, and all of them padded to one length, which must make no difference."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, padding_side="right")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    model = load(transformers.AutoModelForSequenceClassification, folder)
    with open(path, newline="") as file:
        texts = [line[preprocess["text"]] for line in csv.DictReader(file)]

    def logits(some):
        return model(**tokenizer(some, padding=True, truncation=True, max_length=preprocess["max_length"],
                                 return_tensors="pt")).logits

    alone = torch.cat([logits([text]) for text in texts])
    torch.testing.assert_close(alone, logits(texts), rtol=0, atol=1e-5)
    return alone


def load(kind, folder):
    model, report = kind.from_pretrained(folder, output_loading_info=True)
    for what, names in report.items():
        assert not names, f"{what}: {names}"
    return model.eval()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("--thaw", required=True)
    parser.add_argument("--input", type=pathlib.Path, required=True)
    options = parser.parse_args()
    preprocess = json.loads((options.run / "preprocess.json").read_text())
    lines = subprocess.run([options.thaw, "predict", "--model", options.run, "--input", options.input],
                           check=True, capture_output=True, text=True).stdout.splitlines()
    got = torch.tensor([json.loads(line)["logits"] for line in lines])
    with torch.no_grad():
        if options.input.suffix == ".csv":
            expected = text_logits(options.run, preprocess, options.input)
        else:
            images = read_images(options.input, options.run)
            expected = load(transformers.AutoModelForImageClassification, options.run)(images).logits
    difference = (got - expected).abs().max().item()
    print(f"{len(got)} inputs, logits from {expected.min():.3f} to {expected.max():.3f}, "
          f"largest difference {difference:.2e}")
    return 0 if got.shape == expected.shape and difference <= 1e-5 else 1


if __name__ == "__main__":
    sys.exit(main())
