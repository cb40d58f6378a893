#!/usr/bin/env python3
"""The top of an English recogniser learns Dutch, in PyTorch: CTC, sounds of different lengths, a frozen bottom.

    finetune/cases/get.sh whisper dutch
    python finetune/cases/lessons/speech.py

The encoder of Whisper tiny.en gets a new layer that says of every 20 ms which character they are. That layer and the upper
two of four encoder layers train on 100 lines of one actor; other levels of the game are tested on.

In thaw: `thaw train finetune/cases/speech.toml --strategy top-2` with the settings below. Needs torch, transformers,
soundfile and scipy.
"""

import csv
import math
import pathlib
import random

import numpy
import scipy.signal
import soundfile
import torch
import torch.nn.functional as F
from torch import nn
from transformers import WhisperFeatureExtractor, WhisperModel

CASES = pathlib.Path(__file__).resolve().parents[1]
MODEL = CASES / "whisper"
SOUNDS, TEST, EPOCHS, BATCH = 100, 60, 12, 8
LR = 1e-3
TRAINED = ("model.encoder.layers.2.", "model.encoder.layers.3.", "model.encoder.layer_norm.", "lm_head.")


# ---- the model


class Recognizer(nn.Module):
    def __init__(self, characters):
        super().__init__()
        encoder = WhisperModel.from_pretrained(MODEL).encoder.float()
        self.model = nn.ModuleDict({"encoder": encoder})
        self.lm_head = nn.Linear(encoder.config.d_model, len(characters))

    def forward(self, features, places):
        """[B, mels, 2 T] and how many of the T are of each sound -> logits [B, T, characters]. The encoder's own forward()
        wants 30 s; a line of a game takes three, a tenth of the work."""
        encoder = self.model["encoder"]
        is_sound = torch.arange(features.shape[2] // 2)[None, :] < places[:, None]
        h = F.gelu(encoder.conv1(features)) * is_sound.repeat_interleave(2, 1)[:, None, :]
        h = F.gelu(encoder.conv2(h)).transpose(1, 2)
        h = h + encoder.embed_positions.weight[: h.shape[1]]
        # Wrong without the mask: what is heard in a sound depends on how long its neighbours are.
        mask = torch.zeros(is_sound.shape).masked_fill(~is_sound, float("-inf"))[:, None, None, :]
        for layer in encoder.layers:
            h = layer(h, attention_mask=mask)
        return self.lm_head(encoder.layer_norm(h))


# ---- the technique


def train(model, sounds, spelt, updates):
    """`updates`: the rows of each. Returns the loss of each update, before it."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith(TRAINED))
    # The same parameters from start to end, so the frozen ones may stay out of the optimizer.
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=LR)
    losses = []
    for rows in updates:
        features, places = batch_of(sounds, rows)
        # Backward stops at the lowest layer that trains: what is below it keeps no activations.
        log_probabilities = model(features, places).log_softmax(2).transpose(0, 1)  # ctc_loss takes [T, B, C]
        targets = torch.cat([spelt[row] for row in rows])
        lengths = torch.tensor([len(spelt[row]) for row in rows])
        # `places`, the sounds' own. Wrong: the length of the padded batch, which asks for characters in padding.
        # zero_infinity: of a sound with fewer places than characters no path is possible, and one such makes all NaN.
        loss = F.ctc_loss(log_probabilities, targets, places, lengths, blank=0, zero_infinity=True)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
    return losses


# ---- the data


def resampled(samples, rate, wanted):
    """Band-limited interpolation: a sinc of 64 zero crossings in a Kaiser window. Wrong: to leave out samples, which folds
    high frequencies down upon the low ones."""
    step = math.gcd(rate, wanted)
    up, down = wanted // step, rate // step
    cutoff = 0.95 * min(1, wanted / rate)
    reach = 64 / cutoff
    t = numpy.arange(-int(reach * up), int(reach * up) + 1) / up
    window = numpy.i0(10 * numpy.sqrt(1 - (t / reach) ** 2)) / numpy.i0(10)
    return scipy.signal.resample_poly(samples, up, down, window=cutoff * numpy.sinc(cutoff * t) * window / up)


def read(path):
    """Of each row of the table the file of its sound, and its text."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [path.parent / row["audio"] for row in rows], [row["text"] for row in rows]


def hear(paths):
    """Log-mel features [mels, 2 places] of each sound, without the silence up to 30 s."""
    extractor = WhisperFeatureExtractor.from_pretrained(MODEL)
    features = []
    for path in paths:
        samples, rate = soundfile.read(path, always_2d=True)
        sound = resampled(samples.mean(1), rate, extractor.sampling_rate).astype(numpy.float32)
        found = extractor(sound, sampling_rate=extractor.sampling_rate, return_tensors="pt")
        places = math.ceil(len(sound) / (2 * extractor.hop_length))
        features.append(found.input_features[0][:, : 2 * places])
    return features


def spell(text, characters):
    return torch.tensor([characters.index(c) for c in text if c in characters], dtype=torch.long)


def batch_of(sounds, rows):
    frames = [sounds[row].T for row in rows]
    padded = nn.utils.rnn.pad_sequence(frames, batch_first=True).transpose(1, 2)
    return padded, torch.tensor([len(part) // 2 for part in frames])


def edits(a, b):
    """The least number of insertions, deletions and replacements that make b of a."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]


@torch.no_grad()
def transcribe(model, sound, characters):
    path = model.eval()(*batch_of([sound], [0]))[0].argmax(1).tolist()
    # Of the likeliest class of each place: repeats are one character, blanks none.
    return "".join(characters[c] for c, last in zip(path, [0] + path[:-1]) if c != last and c != 0)


def main():
    paths, texts = read(CASES / "dutch" / "train.csv")
    characters = ["", *sorted(set("".join(texts)))]  # the blank first, then the space
    rows = random.Random(0).sample(range(len(paths)), SOUNDS)
    sounds = hear([paths[row] for row in rows])
    spelt = [spell(texts[row], characters) for row in rows]
    torch.manual_seed(0)
    updates = [part.tolist() for _ in range(EPOCHS) for part in torch.randperm(SOUNDS).split(BATCH)]
    model = Recognizer(characters)
    losses = train(model.train(), sounds, spelt, updates)
    paths, texts = (part[:TEST] for part in read(CASES / "dutch" / "test.csv"))
    heard = [transcribe(model, sound, characters) for sound in hear(paths)]
    # The ratio of sums, not the mean of ratios: a short line would count as much as a long one.
    rate = sum(edits(a, b) for a, b in zip(heard, texts)) / sum(len(text) for text in texts)
    print(f"loss {losses[0]:.2f} to {sum(losses[-10:]) / 10:.2f}, character error rate {rate:.3f} on {TEST} lines")
    print(f"{texts[0]!r} is heard as {heard[0]!r}")


if __name__ == "__main__":
    main()
