#!/usr/bin/env python3
"""Compares what thaw makes of sounds with PyPI's transformers and scipy.

  python3 tests/golden/check_sounds.py --tool build/release/bin/tools/dump_sound [FILE...]

FILE: clips of any kind that the tool reads; without any, up to 50 of finetune/cases/dutch/clips, if they are there.
Compared, for these and for chirps, noise, silence and clips of odd lengths, which it makes itself:
  - log-mel features with those of WhisperFeatureExtractor's numpy path, of the clip's own frames and of the whole
    context, for 80 and 128 mels: within 1e-5;
  - samples at another rate, but for 200 of the lower rate at both ends, of sounds without frequencies above 85 % of the
    lower band: sines with themselves (within 1e-4, of which 16 bits take a part), noise with what
    scipy.signal.resample_poly makes of it by a longer filter (within 1e-5).
Prints the largest differences; exits with 1 where one is beyond its limit. Needs numpy, scipy and transformers.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile
import wave

import numpy
import scipy.signal
import transformers
from transformers import WhisperFeatureExtractor

RATE, CHUNK, HOP = 16000, 480000, 160
CLIPS = pathlib.Path(__file__).resolve().parents[2] / "finetune/cases/dutch/clips"
failures = []


def check(what, value, limit):
    print(f"{what:70} {value:.3g}   limit {limit:g}", flush=True)
    if not value <= limit:
        failures.append(what)


def write_wav(path, samples, rate):
    """As 16-bit PCM; gives the samples that the file then has."""
    values = numpy.clip(numpy.round(samples * 32767), -32768, 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(values.tobytes())
    return values.astype(numpy.float32) / 32768


def run(tool, path, *options):
    done = subprocess.run([tool, path, *map(str, options)], capture_output=True)
    if done.returncode != 0:
        sys.exit(done.stderr.decode())
    return numpy.frombuffer(done.stdout, "<f4")


def made_clips(rng):
    time = numpy.arange(4 * RATE) / RATE
    yield "chirp", 0.5 * numpy.sin(2 * numpy.pi * (50 * time + 950 * time ** 2))
    yield "noise", 0.1 * rng.standard_normal(3 * RATE + 77)
    yield "faint noise", 1e-4 * rng.standard_normal(RATE)
    yield "bursts", rng.standard_normal(2 * RATE) * (numpy.arange(2 * RATE) // 1000 % 3 == 0) * 0.2
    yield "silence", numpy.zeros(5000)
    yield "a loud end", numpy.concatenate([1e-3 * rng.standard_normal(3199), [0.99]])
    for size in (1, 160, 320, 321, CHUNK - 1, CHUNK):
        yield f"noise of {size} samples", 0.1 * rng.standard_normal(size)


def features_differ(tool, extractors, path):
    samples = run(tool, path, "--rate", RATE)[:CHUNK]
    padded = numpy.zeros((1, CHUNK), numpy.float32)
    padded[0, :len(samples)] = samples
    frames = min(CHUNK // HOP, max(2, 2 * -(-len(samples) // (2 * HOP))))
    differ = []
    for mels, extractor in extractors.items():
        expected = extractor._np_extract_fbank_features(padded, "cpu")[0].T
        whole = run(tool, path, "--mels", mels, "--whole").reshape(-1, mels)
        part = run(tool, path, "--mels", mels).reshape(-1, mels)
        assert whole.shape == expected.shape and part.shape == (frames, mels), "not as many frames"
        differ += [numpy.abs(whole - expected).max(), numpy.abs(part - expected[:frames]).max()]
    return numpy.max(differ)


def sines(rng, rate, band):
    """A function of time: sines of up to 85 % of a band."""
    hertz = rng.uniform(20, 0.85 * band, 40)
    phase, size = rng.uniform(0, 2 * numpy.pi, 40), rng.uniform(0.2, 1, 40) / 40
    return lambda time: (size * numpy.sin(2 * numpy.pi * hertz * time[:, None] + phase)).sum(1)


def compare_rates(tool, rng, rate, to, work):
    path, band, seconds = work / "rates.wav", min(rate, to) / 2, 2
    margin = int(200 * to / min(rate, to)) + 1
    away = lambda differences: numpy.abs(differences[margin:-margin]).max()
    signal = sines(rng, rate, band)
    write_wav(path, signal(numpy.arange(seconds * rate) / rate), rate)
    found = run(tool, path, "--rate", to)
    assert len(found) == seconds * to, "not the length"
    # 16-bit rounding, and 32767 for 32768, are in the file, not in the resampling.
    check(f"{rate} -> {to}: sines", away(found - signal(numpy.arange(seconds * to) / to) * 32767 / 32768), 1e-4)
    longest = max(rate, to) // numpy.gcd(rate, to)
    low = scipy.signal.firwin(2 * 400 + 1, 0.80 * 2 * band / rate, window=("kaiser", 12.0))
    samples = write_wav(path, 0.2 * scipy.signal.fftconvolve(rng.standard_normal(seconds * rate), low, "same"), rate)
    longer = scipy.signal.firwin(2 * 150 * longest + 1, 0.95 / longest, window=("kaiser", 12.0))
    expected = scipy.signal.resample_poly(samples.astype(float), to, rate, window=longer)
    found = run(tool, path, "--rate", to)
    check(f"{rate} -> {to}: noise, scipy", away(found - expected), 1e-5)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", required=True, help="the program tests/tools/dump_sound.cpp")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    arguments = parser.parse_args()
    files = arguments.files or (sorted(p for p in CLIPS.rglob("*") if p.is_file())[:50] if CLIPS.is_dir() else [])
    print(f"transformers {transformers.__version__}, scipy {scipy.__version__}, {len(files)} files")
    extractors = {mels: WhisperFeatureExtractor(feature_size=mels) for mels in (80, 128)}
    rng = numpy.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        for name, samples in made_clips(rng):
            written = write_wav(work / "made.wav", samples, RATE)
            assert numpy.array_equal(run(arguments.tool, work / "made.wav", "--rate", RATE), written), "samples differ"
            check(f"features: {name}", features_differ(arguments.tool, extractors, work / "made.wav"), 1e-5)
        if files:
            differ = [features_differ(arguments.tool, extractors, path) for path in files]
            check(f"features: {len(files)} files", numpy.max(differ), 1e-5)
        for rate, to in ((22050, RATE), (8000, RATE), (44100, RATE), (48000, RATE), (11025, RATE), (16001, RATE),
                         (96000, RATE), (RATE, 22050), (RATE, 8000)):
            compare_rates(arguments.tool, rng, rate, to, work)
    if failures:
        sys.exit("beyond the limit: " + ", ".join(failures))


if __name__ == "__main__":
    main()
