#!/usr/bin/env python3
"""Makes finetune/preprocess/tokenizer/unicode_exceptions.cpp: where PyPI's `tokenizers` takes a character otherwise than
utf8proc does. The several Unicode tables inside `tokenizers` are of different versions; each of its answers is
asked for here, for every scalar value. Needs: tokenizers, and libutf8proc.so.2 of Debian 12.

Usage: python3 tests/golden/make_unicode_exceptions.py | clang-format-14 --assume-filename=.clang-format.cpp \\
           > finetune/preprocess/tokenizer/unicode_exceptions.cpp
"""
import ctypes

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

from tokenizer_folders import charsmap

SCALARS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
CATEGORIES = ("Cn Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Cs Co").split()
SPACES = {*range(9, 14), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000}
ASCII_PUNCTUATION = {c for c in range(33, 127) if not chr(c).isalnum()}

# The bits of CharFlag in finetune/preprocess/tokenizer/unicode.h.
FLAGS = ("Other Space Punctuation Nonspacing Mark Numeric Letter Number Word "
         "NoDecomposition NoCompatibility").split()


# Which ClusterRole of finetune/preprocess/tokenizer/unicode.h each of utf8proc's boundary classes is.
BOUNDARY_ROLES = {2: "cr", 3: "lf", 4: "control", 5: "conjunct_extend", 6: "lead", 7: "vowel", 8: "tail", 9: "lead_vowel",
                  10: "lead_vowel_tail", 11: "regional_indicator", 12: "spacing_mark", 13: "prepend", 14: "zwj",
                  19: "pictographic"}


class Property(ctypes.Structure):  # utf8proc_property_t
    _fields_ = [("category", ctypes.c_int16), ("combining_class", ctypes.c_int16), ("others", ctypes.c_int16 * 8),
                ("bits", ctypes.c_uint32)]

    @property
    def boundary(self):
        return self.bits >> 8 & 255


library = ctypes.CDLL("libutf8proc.so.2")
library.utf8proc_get_property.restype = ctypes.POINTER(Property)
library.utf8proc_NFC.restype = library.utf8proc_version.restype = library.utf8proc_unicode_version.restype = ctypes.c_char_p


def decomposed(c, options):
    buffer = (ctypes.c_int32 * 32)()
    size = library.utf8proc_decompose_char(c, buffer, 32, options, ctypes.byref(ctypes.c_int(0)))
    return "".join(map(chr, buffer[:size]))


def kept_whole(pre_tokenizer):
    """The characters between two letters that the pre-tokenizer does not part from them."""
    return {c for c in SCALARS if len(pre_tokenizer.pre_tokenize_str("a" + chr(c) + "b")) == 1}


def dropped(normalizer):
    return {c for c in SCALARS if normalizer.normalize_str("a" + chr(c) + "b") == "ab"}


def word_characters():
    """What a single_word token may not stand beside: \\w of Rust's regex."""
    tokenizer = Tokenizer(models.WordLevel({"?": 0}, "?"))
    tokenizer.add_tokens([AddedToken("X", single_word=True, normalized=False)])
    found = tokenizer.token_to_id("X")
    return {c for c in SCALARS if c != ord("X") and found not in tokenizer.encode("X" + chr(c)).ids} | {ord("X")}


def combining_classes(ours, nfd):
    """The canonical combining class of every character for `tokenizers`, from how it reorders two of them."""
    high, low = chr(0x345), chr(0x334)  # the highest class and the lowest
    assert ours[ord(high)] == max(ours) and ours[ord(low)] == min(set(ours) - {0})
    reordered = [c for c in SCALARS if nfd(chr(c)) == chr(c)
                 and (nfd(high + chr(c)) == chr(c) + high or nfd(chr(c) + low) == low + chr(c))]
    marks = {}  # a character of each class
    for c in reordered:
        marks.setdefault(ours[c], chr(c))
    classes = sorted(k for k in marks if k > 0)
    theirs = {c: ours[c] for c in SCALARS if nfd(chr(c)) != chr(c)}
    for c in reordered:
        # A mark before this one gives way to it if and only if the mark's class is the higher one.
        higher = [k for k in classes if nfd(marks[k] + chr(c)) == chr(c) + marks[k] != marks[k] + chr(c)]
        theirs[c] = max(k for k in classes if not higher or k < higher[0])
    return theirs


def cluster_roles():
    """How each character joins a grapheme cluster. Precompiled shows it: of a cluster below six bytes that begins with a
    key nothing but its "x" is left, of a longer one the other characters are kept."""
    acute, zwj, virama = "\u0301", "\u200d", "\u094d"
    mapping = normalizers.Precompiled(charsmap(dict.fromkeys("a\u0300\u00a9\u1100\u1161\u11a8\u0958", "x")))

    def results(before, behind):
        asked = [c for c in SCALARS if c not in (10, 13)]  # a line end parts what is asked at once
        out = {}
        for at in range(0, len(asked), 4096):
            some = asked[at:at + 4096]
            text = mapping.normalize_str("\n".join(before + chr(c) + behind for c in some))
            out.update(zip(some, text.split("\n"), strict=True))
        return out

    def keeps_acute(before, behind):
        return {c for c, text in results(before, behind + acute).items() if text.endswith(acute)}

    joined = {c for c, text in results("a", "").items() if text == "x"}
    prepend = keeps_acute("", "a")
    pictographic = keeps_acute("", zwj + "\u00a9")
    extend = keeps_acute("\u00a9", zwj + "\u00a9") - pictographic
    lead, before_vowel, before_tail = (keeps_acute("", jamo) - prepend for jamo in "\u1100\u1161\u11a8")
    consonant = keeps_acute("", virama + "\u0958")
    linker = keeps_acute("\u0915", "\u0958") - prepend
    conjunct = keeps_acute("\u0915", virama + "\u0958") - consonant
    control = set(SCALARS) - keeps_acute("", "\u0300") - {ord("a")}

    def role(c):
        syllable = 0xAC00 <= c <= 0xD7A3
        for name, fits in (("cr", c == 13), ("lf", c == 10), ("control", c in control), ("zwj", c == 0x200D),
                           ("regional_indicator", 0x1F1E6 <= c <= 0x1F1FF), ("linker", c in linker),
                           ("conjunct_extend", c in conjunct and c in extend), ("extend", c in joined and c in extend),
                           ("spacing_mark", c in joined), ("prepend", c in prepend), ("lead", c in lead),
                           ("lead_vowel" if syllable else "vowel", c in before_vowel),
                           ("lead_vowel_tail" if syllable else "tail", c in before_tail),
                           ("pictographic", c in pictographic), ("consonant", c in consonant)):
            if fits:
                return name
        return "other"

    return {c: role(c) for c in SCALARS}


def oracle():
    every = set(SCALARS)
    bert = normalizers.BertNormalizer
    mark_stripper = bert(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False)
    cleaner = bert(clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    parted = every - kept_whole(pre_tokenizers.BertPreTokenizer())
    spaces = every - kept_whole(pre_tokenizers.Split(Regex(r"\s"), "isolated"))
    return {
        "Other": dropped(cleaner) - {0, 0xFFFD},
        "Space": spaces,
        "Punctuation": parted - spaces,
        "Nonspacing": dropped(mark_stripper),
        "Mark": dropped(normalizers.StripAccents()),
        "Numeric": every - kept_whole(pre_tokenizers.Digits(individual_digits=True)),
        "Letter": every - kept_whole(pre_tokenizers.Split(Regex(r"(?<=a)\p{L}"), "isolated")),
        "Number": every - kept_whole(pre_tokenizers.Split(Regex(r"\p{N}"), "isolated")),
        "Word": word_characters(),
    }


def ours_of(category, c):
    return {
        "Other": category in ("Cc", "Cf", "Co") and c not in (0, 9, 10, 13),
        "Space": c in SPACES,
        "Punctuation": category[0] == "P" or c in ASCII_PUNCTUATION,
        "Nonspacing": category == "Mn",
        "Mark": category[0] == "M",
        "Numeric": category[0] == "N",
        "Letter": category[0] == "L",
        "Number": category[0] == "N",
        "Word": category[0] in "LM" or category in ("Nd", "Nl", "Pc") or c in (0x200C, 0x200D),
    }


def main():
    properties = [library.utf8proc_get_property(c).contents for c in range(0x110000)]
    categories = [CATEGORIES[p.category] for p in properties]
    our_class = [p.combining_class for p in properties]
    nfd, nfc, nfkd = (n().normalize_str for n in (normalizers.NFD, normalizers.NFC, normalizers.NFKD))
    nfkc, lower = normalizers.NFKC().normalize_str, normalizers.Lowercase().normalize_str

    theirs = oracle()
    their_class = combining_classes(our_class, nfd)
    kStable, kCompat, kDecompose = 1 << 1, 1 << 2, 1 << 4
    roles = cluster_roles()
    rows, lowered, problems, clusters = [], [], [], []
    for c in SCALARS:
        x = chr(c)
        expected, flags = ours_of(categories[c], c), 0
        differs = their_class.get(c, 0) != our_class[c]
        for bit, name in enumerate(FLAGS[:9]):
            flags |= (c in theirs[name]) << bit
            differs |= (c in theirs[name]) != expected[name]
        canonical, compatible = decomposed(c, kStable | kDecompose), decomposed(c, kStable | kDecompose | kCompat)
        for bit, form, ours in ((9, nfd, canonical), (10, nfkd, compatible)):
            if form(x) != ours:
                flags |= 1 << bit
                differs = True
                if form(x) != x:
                    problems.append(f"{form} of {c:X}: {form(x)!r}, utf8proc {ours!r}")
        composed = library.utf8proc_NFC(x.encode()).decode() if c else x
        if nfc(x) != (x if flags & 1 << 9 else composed):
            problems.append(f"NFC of {c:X}")
        if nfkc(x) != nfc(nfkd(x)):
            problems.append(f"NFKC of {c:X}")
        if lower(x) != chr(library.utf8proc_tolower(c)):
            lowered.append((c, lower(x)))
        if differs:
            row = (flags, their_class.get(c, 0))
            if rows and rows[-1][1] == c - 1 and rows[-1][2:] == row:
                rows[-1] = (rows[-1][0], c, *row)
            else:
                rows.append((c, c, *row))
        if roles[c] != ("extend" if c == 0x200C else BOUNDARY_ROLES.get(properties[c].boundary, "other")):
            if clusters and clusters[-1][1] == c - 1 and clusters[-1][2] == roles[c]:
                clusters[-1] = (clusters[-1][0], c, roles[c])
            else:
                clusters.append((c, c, roles[c]))
    if problems:
        raise SystemExit("the form of the table does not hold:\n" + "\n".join(problems))
    print(f"// Generated by tests/golden/make_unicode_exceptions.py from tokenizers {tokenizers.__version__} and "
          f"utf8proc {library.utf8proc_version().decode()} (Unicode {library.utf8proc_unicode_version().decode()}).")
    print('#include "finetune/preprocess/tokenizer/unicode_exceptions.h"\n\nnamespace thaw {\nnamespace {\n')
    print("constexpr CharException kCharExceptions[] = {")
    for first, last, flags, combining in rows:
        print(f"    {{0x{first:X}, 0x{last:X}, 0x{flags:X}, {combining}}},")
    print("};\n\nconstexpr LowerException kLowerExceptions[] = {")
    for c, text in lowered:
        print(f"    {{0x{c:X}, {{{', '.join(f'0x{ord(x):X}' for x in text)}}}}},")
    print("};\n\nconstexpr ClusterException kClusterExceptions[] = {")
    for first, last, role in clusters:
        print(f"    {{0x{first:X}, 0x{last:X}, ClusterRole::{role}}},")
    print("};\n\n}  // namespace\n")
    print("std::span<const CharException> char_exceptions() { return kCharExceptions; }\n")
    print("std::span<const LowerException> lower_exceptions() { return kLowerExceptions; }\n")
    print("std::span<const ClusterException> cluster_exceptions() { return kClusterExceptions; }\n\n}  // namespace thaw")


if __name__ == "__main__":
    main()
