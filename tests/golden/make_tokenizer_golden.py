#!/usr/bin/env python3
"""Makes tests/golden/tokenizers.json: small tokenizers and what PyPI's `tokenizers` does with texts.

Usage: python3 tests/golden/make_tokenizer_golden.py [NAME...]
With names these tokenizers alone are made, and the others stay as the file has them.
Of each tokenizer: its tokenizer.json, encodings as [text, second text or null, maximal length, ids, type ids] (text
is in hexadecimal, for some of it is not UTF-8), and, where `scalars` is there, the SHA-256 of the encodings of every
scalar value between "a" and "b", for each plane: of each text the number of ids and the ids as little-endian int32. Training
breaks ties at random: another run gives another file, as good as the first.
"""
import collections
import hashlib
import json
import os
import sys

import numpy
import tokenizers
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

import tokenizer_folders as kinds

TRAINING = """
The quick brown fox jumps over the lazy dog. Freezing a layer means that its weights stay as they are.
Fine-tuning is what happens when a pretrained network is trained again, on other data and with a lower learning rate.
I'll say what we've seen: it's 3 of 10, they're 27 or 2048, and I'd call that the 1st and the 42nd.
def freeze(model, names): return [p for p in model.parameters() if p.name not in names]
Ein naïver Café-Besuch über die Straße; señor, garçon, Ångström, İstanbul, Ελλάδα, Привет мир, 你好 世界, 안녕 하세요.
the and of to in is that for it as was with be by on not he his but at are this have from or had an they which one you
"""

TEXTS = """
|a|The quick brown fox!|UNFREEZING THE LAYERS|naïve café|naïve café|STRASSE straße ẞ|İstanbul ıI
don't I'LL we've it's 's ''s ' s|3 of 10, 2048 and 1e-5|²³ ½ ① ٣ Ⅷ 一|你好 世界 you𠀀好 \U0002B920 \U0002B820|안녕하세요 \u1112\u1161\u11ab
a\u0300\u0323\u0315b \u0344 \u0374 \u212b \u1e9b\u0323|\u0301 alone|ﬁ ﬀ ﷺ ㎏ Ａ １|\u200b\ufeff\u00ad\u200dzero|\ufffd\u0000\u0001x\u007f
\ttabs\nand\r\nlines\u000b\u000c\u0085\u00a0\u2003\u3000end |   three   spaces   |  |a  b   c    d|😀👍🏽 👨\u200d👩\u200d👧 🇩🇪 1\ufe0f\u20e3
[CLS] x [SEP] y [MASK]z [PAD][UNK] [MASK|the  <mask>  and<mask>of </s><s> <pad>x|<|endoftext|> end<|endoftext|>|New York new york NEW  YORKS Newer
(a+b)*c==d->e::f;{}[]<>~`@#$%^&*_=|https://x.org/?q=1&r=%20#top|##ing ## # un##able|$€£¥₹+−×÷=<>|“quoted” ‘text’ — en–dash…
Привет, мир! Ελλάδα ΣΊΣΥΦΟΣ|مرحبا שָׁלוֹם नमस्ते ไทย|\u1a7f\u1d16d\ufe20 \U0001d165\U0001d16d|\u0890\u08e2 \ue000 \U000f0000 \u0378 \U0010ffff
Supercalifragilisticexpialidocious|word0123456789word
"""


def texts():
    out = [t.encode() for line in TEXTS.strip("\n").split("\n") for t in line.split("|")
           if "endoftext" not in line] + [b"<|endoftext|> end <|endoftext|>of", b"a" * 99, b"a" * 101, "é".encode() * 100]
    out += [b"the \xff fox", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98x", b"\xed\xa0\x80", b"\xc0\xaf\xe0\x80\x80", b"\xf5\x80",
            b"a\x80\x80b", b"\xf4\x90\x80\x80", b"\xe2\x28\xa1", "é".encode() + b"\xcc"]
    return out


def word_piece():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(TRAINING.split("\n"), trainers.WordPieceTrainer(
        vocab_size=420, special_tokens=special, show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tokenizer


def byte_level(pre_tokenizer, special, vocab_size=420):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.train_from_iterator(TRAINING.split("\n"), trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=special, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return tokenizer


def every_tokenizer():
    """name -> (tokenizer, whether every scalar value is tried)"""
    level = pre_tokenizers.ByteLevel
    bert = word_piece()
    cased = word_piece()
    cased.normalizer = normalizers.BertNormalizer(lowercase=False)
    cased.add_tokens([AddedToken("New York", normalized=True, single_word=True), AddedToken("new", lstrip=True, rstrip=True)])
    cased.enable_truncation(24, direction="left")
    roberta = byte_level(level(add_prefix_space=False), ["<s>", "<pad>", "</s>", "<unk>",
                                                         AddedToken("<mask>", lstrip=True, special=True)])
    roberta.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    smollm = byte_level(pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                                 level(add_prefix_space=False)]), ["<|endoftext|>"])
    # Bytes without merges: their ids show just what normaliser and pre-tokenizer did.
    bert_bytes = byte_level(pre_tokenizers.Sequence([pre_tokenizers.BertPreTokenizer(), pre_tokenizers.Digits(True),
                                                     level(add_prefix_space=True, use_regex=False)]), [], 256)
    bert_bytes.normalizer = normalizers.BertNormalizer()
    compatible = byte_level(level(add_prefix_space=False), [], 300)
    compatible.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    compatible.post_processor = processors.ByteLevel()
    stripped = byte_level(level(add_prefix_space=False), [], 256)
    stripped.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()])
    letters = Tokenizer(models.BPE(unk_token="?", fuse_unk=True))
    letters.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    letters.train_from_iterator(TRAINING.split("\n"), trainers.BpeTrainer(vocab_size=200, special_tokens=["?"],
                                                                         show_progress=False))
    return {"bert": (bert, False), "bert_cased_left": (cased, False), "roberta": (roberta, False),
            "smollm": (smollm, False), "bert_bytes": (bert_bytes, True), "nfkc": (compatible, True),
            "nfd_stripped": (stripped, True), "letters": (letters, False)}


def deterministic_tokenizers():
    """Some of those that check_tokenizers.py makes, with less in them."""
    kept = {"clusters": ("unigram", True), "t5": ("unigram_t5", False), "byte_fallback": ("unigram_bytes", False),
            "left": ("unigram_left", False), "metaspace_bpe_first": ("metaspace_bpe_first", False),
            "whitespace": ("whitespace", True), "punctuation_contiguous": ("punctuation_contiguous", False),
            "spaces_merged_with_previous": ("spaces_merged_with_previous", False),
            "inverted_merged_with_next": ("inverted_merged_with_next", False), "llama3": ("llama3", False)}
    made = kinds.plain_tokenizers(collections.Counter(TRAINING.split()), pieces=250, merged=60)
    return {name: (made[kind], scalars) for kind, (name, scalars) in kept.items()}


def encodings(tokenizer, side):
    all_texts = texts()
    requests = [(t, None, 0) for t in all_texts]
    requests += [(t, None, 6) for t in all_texts[3:24:3]]
    requests += [(a, b, 0) for a, b in zip(all_texts[2::7], all_texts[5::7])]
    requests += [(a, b, n) for n in (4, 9, 12) for a, b in zip(all_texts[3:30:8], all_texts[20:40:4])]
    rows = []
    for first, second, max_length in requests:
        tokenizer.no_truncation()
        if max_length:
            tokenizer.enable_truncation(max_length, direction=side)
        pair = [x if x is None else x.decode(errors="replace") for x in (first, second)]
        found = tokenizer.encode(*pair)
        rows.append([first.hex(), second if second is None else second.hex(), max_length, found.ids, found.type_ids])
    return rows


def scalar_hashes(tokenizer):
    hashes = []
    for plane in range(17):
        scalars = [c for c in range(plane << 16, (plane + 1) << 16) if not 0xD800 <= c < 0xE000]
        found = tokenizer.encode_batch([f"a{chr(c)}b" for c in scalars])
        numbers = [n for e in found for n in (len(e.ids), *e.ids)]
        hashes.append(hashlib.sha256(numpy.array(numbers, "<i4").tobytes()).hexdigest())
    return hashes


def main():
    out = {"made_by": f"tests/golden/make_tokenizer_golden.py with tokenizers {tokenizers.__version__}", "tokenizers": {}}
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tokenizers.json")
    names = sys.argv[1:]
    if names:
        with open(path) as file:
            out["tokenizers"] = json.load(file)["tokenizers"]
    for name, (tokenizer, scalars) in {**every_tokenizer(), **deterministic_tokenizers()}.items():
        if names and name not in names:
            continue
        side = (tokenizer.truncation or {}).get("direction", "right")
        case = {"tokenizer": json.loads(tokenizer.to_str()), "vocab_size": tokenizer.get_vocab_size()}
        case["encodings"] = encodings(tokenizer, side)
        tokenizer.no_truncation()
        if scalars:
            case["scalars"] = scalar_hashes(tokenizer)
        out["tokenizers"][name] = case
    with open(path, "w") as file:
        json.dump(out, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
