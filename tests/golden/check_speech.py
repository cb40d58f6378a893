#!/usr/bin/env python3
"""Compares the encoder of a Whisper folder in thaw with transformers', on real sounds.

  finetune/cases/get.sh whisper prompts
  python tests/golden/check_speech.py --tools build/release/bin/tools --model finetune/cases/whisper \
      --data finetune/cases/prompts/en_test.csv [--sounds 100]

Compared: the states that the encoder ends with, of each sound in the whole context of 30 s, and trimmed to the sound: there
transformers' encoder gets as many positions as the sound has. Both get the features that WhisperFeatureExtractor computes
(its numpy path) from samples that thaw resampled; check_sounds.py compares features and resampling. Prints the largest
differences; exits with 1 where one is beyond its limit. Needs torch, transformers and numpy.
"""
import argparse
import copy
import csv
import pathlib
import subprocess
import sys
import tempfile

import numpy
import torch
from transformers import WhisperFeatureExtractor, WhisperModel
from transformers.utils import logging

logging.set_verbosity_error()
logging.disable_progress_bar()

LIMIT = 1e-3  # of states that reach some tens


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stderr.decode()}")
    return numpy.frombuffer(done.stdout, numpy.float32)


def states_of(model, features, places):
    """Of features [mels, frames], with positions for so many places."""
    config = copy.deepcopy(model.config)
    config.max_source_positions = places
    encoder = WhisperModel(config).encoder.eval()
    weights = model.encoder.state_dict()
    weights["embed_positions.weight"] = weights["embed_positions.weight"][:places]
    encoder.load_state_dict(weights)
    with torch.no_grad():
        return encoder(torch.tensor(features[None, :, : 2 * places])).last_hidden_state[0].numpy()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tools", type=pathlib.Path, required=True)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--sounds", type=int, default=100)
    arguments = parser.parse_args()
    model = WhisperModel.from_pretrained(arguments.model, attn_implementation="eager").eval()
    extractor = WhisperFeatureExtractor.from_pretrained(arguments.model)
    with open(arguments.data, newline="") as file:
        rows = list(csv.DictReader(file))[: arguments.sounds]
    sounds = [arguments.data.parent / row["audio"] for row in rows]
    width, worst = model.config.d_model, {"clip": 0.0, "full": 0.0}
    with tempfile.TemporaryDirectory() as name:
        table = pathlib.Path(name) / "sounds.csv"
        table.write_text("audio\n" + "".join(f"{sound.resolve()}\n" for sound in sounds))
        ours = {"clip": run(arguments.tools / "dump_sound_model", arguments.model, table).reshape(-1, width),
                "full": run(arguments.tools / "dump_sound_model", arguments.model, table, "full").reshape(-1, width)}
    at = {"clip": 0, "full": 0}
    for sound in sounds:
        samples = run(arguments.tools / "dump_sound", sound, "--rate", 16000)
        features = extractor._np_extract_fbank_features(
            numpy.pad(samples, (0, extractor.n_samples - len(samples)))[None], "cpu")[0].astype(numpy.float32)
        for context in at:
            places = model.config.max_source_positions if context == "full" else -(-len(samples) // 320)
            theirs = states_of(model, features, min(places, 1500))
            part = ours[context][at[context] : at[context] + len(theirs)]
            worst[context] = max(worst[context], float(abs(part - theirs).max()))
            at[context] += len(theirs)
    for context, difference in worst.items():
        assert at[context] == len(ours[context]), (context, at[context], len(ours[context]))
        print(f"{len(sounds)} sounds, {context}: largest difference of a state {difference:.2g}, limit {LIMIT:g}")
    if max(worst.values()) > LIMIT:
        sys.exit("beyond the limit")


if __name__ == "__main__":
    main()
