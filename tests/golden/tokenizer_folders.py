"""Tokenizer folders of the kinds that people bring, the same ones on every run. For check_tokenizers.py --make.

Needs: tokenizers; for the folders as XLM-RoBERTa and RoBERTa have them also transformers, sentencepiece and protobuf.
"""
import collections
import io
import itertools
import json
import math
import os
import random
import struct

from tokenizers import (AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors)

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
SPACES = "\u2581"
BEHAVIORS = ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous")
# Replacements that show how a text is cut into grapheme clusters, and what is done with each.
MAPPING = {"\r": " ", "\n": " ", "\t": " ", "\r\n": "\u21b5", "a\u0300": "\u00e0", "e": "E", "\ufb01": "fi", "\u2460": "1",
           "\u00a9": "(c)", "\u0958": "\u0915\u093c", "\u1100": "\u3131", "\u0301": "", "\u0344": "\u0308\u0301",
           "\u3000": " ", "\u00ad": "", "\U0001f600": ":)", "\u2122": "TM", "ss": "\u00df"}


def charsmap(mapping):
    """A table of Precompiled, in the form that SentencePiece writes."""
    text, places = b"", {}
    for value in dict.fromkeys(mapping.values()):
        places[value] = len(text)
        text += value.encode() + b"\0"
    units, bases = {}, set()

    def add(position, tails, label):
        labels = {tail[0] if tail else 0 for tail in tails}
        base = next(b for b in itertools.count(1) if b not in bases and not any(b ^ l in units for l in labels))
        bases.add(base)
        units[position] = label | (0 in labels) << 8 | (position ^ base) << 10
        for child in labels:
            units[base ^ child] = 1 << 31 | tails[b""] if child == 0 else None
        for child in labels - {0}:
            add(base ^ child, {t[1:]: v for t, v in tails.items() if t[:1] == bytes([child])}, child)

    units[0] = None
    add(0, {key.encode(): places[value] for key, value in mapping.items()}, 0)
    size = (max(*units, *bases) | 255) + 1
    return struct.pack("<I", 4 * size) + struct.pack(f"<{size}I", *(units.get(i, 0) for i in range(size))) + text


def corpus(rng):
    """Some thousand words with their counts."""
    syllables = ["".join(p) for p in itertools.product("tnrslmdk", "aeiou")] + ["ing", "er", "str", "th", "qu", "\u00e9", "\u00fc"]
    words = ["".join(rng.choices(syllables, k=rng.randint(1, 4))) for _ in range(2500)]
    words += ["".join(chr(rng.randint(low, low + 25)) for _ in range(rng.randint(1, 5)))
              for low in (0x41, 0x430, 0x3b1, 0x5d0, 0x4e00, 0xac00, 0x905, 0x3042) for _ in range(150)]
    words += [str(rng.randrange(10 ** rng.randint(1, 4))) for _ in range(200)] + list("!\"#$%&'()*+,-./:;<=>?@[]^_{|}~")
    return collections.Counter({word: rng.randint(1, 60) for word in words})


def scored_pieces(words, count):
    """Parts of the words with the logarithms of their shares, of which many are equal."""
    parts = collections.Counter()
    for word, times in words.items():
        marked = SPACES + word
        for begin in range(len(marked)):
            for end in range(begin + 1, min(len(marked), begin + 7) + 1):
                parts[marked[begin:end]] += times
    total = sum(parts.values())
    single = sorted(part for part in parts if len(part) == 1)
    several = sorted((p for p in parts if len(p) > 1), key=lambda p: (-parts[p], p))[:count]
    return [(part, math.log(parts[part] / total)) for part in single + several]


def merges(words, count):
    """Byte pair encoding, trained in the simplest way; of equal pairs the first one in the alphabet is merged."""
    split = {word: list(word) for word in sorted(words, key=lambda w: (-words[w], w))[:500]}
    out = []
    while len(out) < count:
        pairs = collections.Counter()
        for word, symbols in split.items():
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] += words[word]
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        out.append(best)
        for symbols in split.values():
            at = 0
            while at + 1 < len(symbols):
                if (symbols[at], symbols[at + 1]) == best:
                    symbols[at:at + 2] = ["".join(best)]
                at += 1
    return out


def bpe(words, special, alphabet, merged, **options):
    found = merges(words, merged)
    tokens = list(special) + sorted(alphabet | {c for word in words for c in word}) + ["".join(m) for m in found]
    return models.BPE({t: i for i, t in enumerate(dict.fromkeys(tokens))}, found, **options)


def byte_bpe(words, special, merged=250):
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    spelt = collections.Counter()
    for word, times in words.items():
        spelt[level.pre_tokenize_str(" " + word)[0][0]] += times
    return bpe(spelt, special, set(pre_tokenizers.ByteLevel.alphabet()), merged)


def word_piece(words):
    """Each character, at the front and within, and the more frequent beginnings and ends: what is cut shows."""
    characters = sorted({c for word in words for c in word} | set(map(chr, range(0x20, 0x7f))) | set("\t\n\r\u00a0" + SPACES))
    frequent = sorted(words, key=lambda w: (-words[w], w))[:300]
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + characters + frequent + ["##" + w for w in characters + frequent]
    tokenizer = Tokenizer(models.WordPiece({t: i for i, t in enumerate(dict.fromkeys(tokens))}, unk_token="[UNK]"))
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def unigram(scored, fallback=False, front=("<s>", "<pad>", "</s>", "<unk>")):
    special = [(token, 0.0) for token in front]
    tail = [(f"<0x{byte:02X}>", -20.0) for byte in range(256)] if fallback else []
    tokenizer = Tokenizer(models.Unigram(special + scored + tail, front.index("<unk>"), fallback))
    tokenizer.add_special_tokens([*front, AddedToken("<mask>", lstrip=True)])
    s, end = ("<s>", front.index("<s>")), ("</s>", front.index("</s>"))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[s, end])
    return tokenizer


def with_parts(tokenizer, normalizer=None, pre_tokenizer=None):
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if pre_tokenizer is not None:
        tokenizer.pre_tokenizer = pre_tokenizer
    return tokenizer


def plain_tokenizers(words, pieces=2500, merged=250):
    """name -> Tokenizer"""
    n, p = normalizers, pre_tokenizers
    scored = scored_pieces(words, pieces)
    out = {
        "clusters": with_parts(unigram(scored), n.Precompiled(charsmap(MAPPING)),
                               p.Sequence([p.WhitespaceSplit(), p.Metaspace(prepend_scheme="always")])),
        "t5": with_parts(unigram(scored, front=("<pad>", "</s>", "<s>", "<unk>")),
                         n.Sequence([n.Nmt(), n.NFKC(), n.Strip(left=False), n.Replace(Regex(" {2,}"), SPACES)]), p.Metaspace()),
        "albert": with_parts(unigram(scored), n.Sequence([
            n.Replace("``", '"'), n.Replace("''", '"'), n.NFKD(), n.StripAccents(), n.Lowercase(),
            n.Replace(Regex(r"\s+"), " ")]), p.Metaspace(prepend_scheme="never")),
        "byte_fallback": with_parts(unigram(scored, True), n.Sequence([
            n.Replace(Regex(r"\A +| +\z"), ""), n.Replace(Regex(r"\A" + SPACES), SPACES * 2), n.Replace(" ", SPACES)]),
            p.Metaspace(split=False)),
        "split_string": with_parts(word_piece(words), n.Strip(), p.Split("a", "merged_with_next", invert=True)),
        "whitespace": with_parts(word_piece(words), n.Lowercase(), p.Whitespace()),
        "split_digits": with_parts(word_piece(words), None, p.Sequence([
            p.WhitespaceSplit(), p.Split(Regex(r"\p{N}{2,3}"), "isolated"), p.Split(Regex("[0-9]"), "contiguous"), p.Punctuation()])),
        "gpt2_split": with_parts(word_piece(words), None, p.Split(Regex(GPT2), "removed", invert=True)),
    }
    for behavior in BEHAVIORS:
        out["punctuation_" + behavior] = with_parts(word_piece(words), None, p.Punctuation(behavior))
        out["spaces_" + behavior] = with_parts(word_piece(words), None, p.Split(Regex(r"\s"), behavior))
        out["inverted_" + behavior] = with_parts(word_piece(words), None, p.Split(Regex(r"\p{L}+"), behavior, invert=True))
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    marked = collections.Counter({SPACES + word: times for word, times in words.items()})
    for scheme in ("first", "always", "never"):
        llama = Tokenizer(bpe(marked, ["<unk>", "<s>", "</s>", *bytes_], {SPACES}, merged, unk_token="<unk>", fuse_unk=True,
                              byte_fallback=scheme != "never"))
        llama.add_special_tokens(["<unk>", "<s>", "</s>", AddedToken("<x>", normalized=False)])
        llama.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B",
                                                             special_tokens=[("<s>", 1)])
        out["metaspace_bpe_" + scheme] = with_parts(llama, None, p.Metaspace(prepend_scheme=scheme, split=scheme == "always"))
    for name, regex in (("llama3", LLAMA3), ("qwen2", QWEN2)):
        level = p.ByteLevel(add_prefix_space=False, use_regex=False)
        tokenizer = Tokenizer(byte_bpe(words, ["<|endoftext|>"], merged))
        tokenizer.add_special_tokens(["<|endoftext|>"])
        out[name] = with_parts(tokenizer, n.NFC(), p.Sequence([p.Split(Regex(regex), "isolated"), level]))
    left = out["left"] = with_parts(unigram(scored), n.NFKC(), p.Metaspace())
    left.enable_truncation(16, direction="left")
    return out


def nmt_nfkc():
    """The table of nearly every SentencePiece model, taken out of one that is trained for it."""
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2
    writer = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(["some text"] * 9), model_writer=writer, vocab_size=12,
                                             normalization_rule_name="nmt_nfkc", hard_vocab_limit=False, minloglevel=2)
    model = sentencepiece_model_pb2.ModelProto()
    model.ParseFromString(writer.getvalue())
    return model.normalizer_spec.precompiled_charsmap


def make_folders(root):
    """Returns their paths."""
    import transformers
    words = corpus(random.Random(0))
    paths = []

    def path(name):
        paths.append(os.path.join(root, name))
        os.makedirs(paths[-1], exist_ok=True)
        return paths[-1]

    special = [(token, 0.0) for token in ("<s>", "<pad>", "</s>", "<unk>")]
    xlm_roberta = transformers.XLMRobertaTokenizerFast(
        vocab=special + scored_pieces(words, 2500) + [("<mask>", 0.0)], _spm_precompiled_charsmap=nmt_nfkc(),
        mask_token=AddedToken("<mask>", lstrip=True))
    xlm_roberta.save_pretrained(path("xlm_roberta"))
    model = json.loads(Tokenizer(byte_bpe(words, ["<s>", "<pad>", "</s>", "<unk>", "<mask>"])).to_str())["model"]
    roberta = transformers.RobertaTokenizerFast(vocab=model["vocab"], merges=[tuple(m) for m in model["merges"]])
    roberta.save_pretrained(path("roberta"))
    for name, tokenizer in plain_tokenizers(words).items():
        tokenizer.save(os.path.join(path(name), "tokenizer.json"))
    return paths
