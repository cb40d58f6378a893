#!/usr/bin/env python3
"""Writes digits.inc, the data of builtin:digits, from scikit-learn's copy.

    pip install scikit-learn && python3 finetune/data/readers/make_digits.py

The data: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository,
1998, https://doi.org/10.24432/C50P49, licence CC BY 4.0. scikit-learn ships its test part, 1,797 samples, unchanged.

A sample is 64 pixels of 0..16, its label, and a 0 that fills up: 66 values. Three values v0, v1, v2 make the number
v0 + 17 v1 + 289 v2 < 4913, written as two digits to base 71, the lower one first: 44 characters a sample.
"""

import pathlib

from sklearn.datasets import load_digits

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+"
HEAD = """\
// Written by make_digits.py, which says how a sample is packed.
// Data: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998,
// https://doi.org/10.24432/C50P49, licence CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/). The 1,797 samples
// of its test part, in the order in which scikit-learn ships them; pixels and labels are unchanged.
"""


def packed(values):
    out = ""
    for i in range(0, len(values), 3):
        v0, v1, v2 = values[i : i + 3]
        high, low = divmod(v0 + 17 * v1 + 289 * v2, len(ALPHABET))
        out += ALPHABET[low] + ALPHABET[high]
    return out


def main():
    digits = load_digits()
    lines = []
    for pixels, label in zip(digits.data.astype(int).tolist(), digits.target.tolist()):
        assert len(pixels) == 64 and all(0 <= p <= 16 for p in pixels)
        lines.append('"%s",\n' % packed(pixels + [label, 0]))
    assert len(lines) == 1797
    pathlib.Path(__file__).with_name("digits.inc").write_text(HEAD + "".join(lines))


main()
