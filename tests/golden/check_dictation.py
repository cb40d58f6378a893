#!/usr/bin/env python3
"""Compares what a Whisper folder writes in thaw with transformers' greedy generate(), and the loss of given
transcripts.

  finetune/cases/get.sh whisper prompts
  python tests/golden/check_dictation.py --thaw build/release/bin/thaw --model finetune/cases/whisper \
      --data finetune/cases/prompts/en.csv [--sounds 100]

transformers gets the features that its WhisperFeatureExtractor computes of samples that thaw's tools/dump_sound resampled.
`--model` may be the folder of a run; with `--clip` its context is trimmed to each sound, in both. Prints the texts that
differ; exits with 1 where one does, or the mean loss of a token differs by more than 1e-4. Needs torch, transformers, numpy.
"""
import argparse
import copy
import csv
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import torch
from transformers import AutoTokenizer, WhisperFeatureExtractor, WhisperForConditionalGeneration
from transformers.modeling_outputs import BaseModelOutput
from transformers.utils import logging

logging.set_verbosity_error()
logging.disable_progress_bar()


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stderr.decode()}")
    return done.stdout


def states_of(model, features, samples, clip):
    """What the encoder gives of features [mels, frames]: as it is, or with as many positions as the sound has."""
    if not clip:
        return model.model.encoder(torch.tensor(features[None])).last_hidden_state
    places = min(-(-samples // 320), model.config.max_source_positions)
    config = copy.deepcopy(model.config)
    config.max_source_positions = places
    encoder = type(model.model.encoder)(config).eval()
    weights = model.model.encoder.state_dict()
    weights["embed_positions.weight"] = weights["embed_positions.weight"][:places]
    encoder.load_state_dict(weights)
    return encoder(torch.tensor(features[None, :, : 2 * places])).last_hidden_state


def generate(model, memory):
    """As its folder's generation_config.json says, but for beams and draws."""
    return model.generate(encoder_outputs=BaseModelOutput(last_hidden_state=memory), do_sample=False, num_beams=1)[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--thaw", type=pathlib.Path, required=True)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--sounds", type=int, default=100)
    parser.add_argument("--clip", action="store_true")
    arguments = parser.parse_args()
    model = WhisperForConditionalGeneration.from_pretrained(arguments.model, attn_implementation="eager").eval()
    extractor = WhisperFeatureExtractor.from_pretrained(arguments.model)
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    *prompt, _ = tokenizer("").input_ids
    with open(arguments.data, newline="") as file:
        rows = list(csv.DictReader(file))[: arguments.sounds]
    sounds = [(arguments.data.parent / row["audio"]).resolve() for row in rows]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        with open(folder / "sounds.csv", "w", newline="") as file:
            csv.writer(file).writerows([["audio", "text"], *[[s, row["text"]] for s, row in zip(sounds, rows)]])
        lines = run(arguments.thaw, "predict", "--model", arguments.model, "--input", folder / "sounds.csv")
        ours = [json.loads(line)["text"] for line in lines.decode().splitlines()]
        (folder / "eval.toml").write_text(
            f'[data]\ntask = "transcription"\ntest = "{folder}/sounds.csv"\ntrain = "{folder}/sounds.csv"\n')
        metrics = json.loads(run(arguments.thaw, "eval", folder / "eval.toml", "--model", arguments.model, "--json"))
    different, total, count = 0, 0.0, 0
    with torch.no_grad():
        for sound, row, text in zip(sounds, rows, ours):
            samples = numpy.frombuffer(
                run(arguments.thaw.parent / "tools/dump_sound", sound, "--rate", 16000), numpy.float32)
            features = extractor._np_extract_fbank_features(
                numpy.pad(samples, (0, extractor.n_samples - len(samples)))[None], "cpu")[0].astype(numpy.float32)
            memory = states_of(model, features, len(samples), arguments.clip)
            theirs = tokenizer.decode(generate(model, memory), skip_special_tokens=True).strip()
            if theirs != text:
                different += 1
                print(f"{sound.name}: thaw {text!r}, transformers {theirs!r}")
            right = tokenizer(" " + " ".join(row["text"].split())).input_ids
            logits = model.proj_out(model.model.decoder(
                input_ids=torch.tensor([right[:-1]]), encoder_hidden_states=memory).last_hidden_state[0])
            target = torch.tensor(right[len(prompt):])
            total += float(torch.nn.functional.cross_entropy(logits[len(prompt) - 1:], target, reduction="sum"))
            count += len(target)
    print(f"{len(sounds)} sounds: {different} texts differ; mean loss of {count} tokens {metrics['loss']:.6f}, "
          f"transformers {total / count:.6f}; cer {metrics['cer']:.4f}, wer {metrics['wer']:.4f}")
    if different or abs(metrics["loss"] - total / count) > 1e-4:
        sys.exit(1)


if __name__ == "__main__":
    main()
