import math

import numpy
import scipy.signal
import soundfile
import torch
from transformers import WhisperFeatureExtractor


def resampled(samples, rate, wanted):
    """Band-limited interpolation: a sinc of 64 zero crossings in a Kaiser window. What usually goes
    wrong: a sound that is taken at another rate than the model was trained with is heard faster or
    slower, and samples that are merely left out fold high frequencies down upon the low ones."""
    step = math.gcd(rate, wanted)
    up, down = wanted // step, rate // step
    cutoff = 0.95 * min(1, wanted / rate)
    reach = 64 / cutoff
    t = numpy.arange(-int(reach * up), int(reach * up) + 1) / up
    window = numpy.i0(10 * numpy.sqrt(1 - (t / reach) ** 2)) / numpy.i0(10)
    kernel = cutoff * numpy.sinc(cutoff * t) * window
    return scipy.signal.resample_poly(samples, up, down, window=kernel / up)


class Sounds:
    """The log-mel features of sound files, computed when they are first asked for."""

    def __init__(self, paths):
        self.paths = paths
        self.extractor = WhisperFeatureExtractor.from_pretrained(MODEL)
        self.features = {}

    def places(self, row):
        """How many outputs the encoder gives for a sound: one for two frames, 20 ms."""
        extractor = self.extractor
        if WHOLE_CONTEXT:
            return extractor.nb_max_frames // 2
        info = soundfile.info(self.paths[row])
        samples = math.ceil(info.frames * extractor.sampling_rate / info.samplerate)
        return max(1, math.ceil(samples / (2 * extractor.hop_length)))

    def __getitem__(self, row):
        """[mels, frames]"""
        if row not in self.features:
            samples, rate = soundfile.read(self.paths[row], always_2d=True)
            wanted = self.extractor.sampling_rate
            sound = resampled(samples.mean(1), rate, wanted).astype(numpy.float32)
            found = self.extractor(sound, sampling_rate=wanted, return_tensors="pt")
            # Of the 30 s that the extractor fills up with silence, the sound's own part.
            self.features[row] = found.input_features[0][:, : 2 * self.places(row)]
        return self.features[row]


def place_of(table, name):
    """Beside the table or, as in Common Voice, in clips/ beside it."""
    beside = table.parent / name
    return beside if beside.exists() else table.parent / "clips" / name


def read_data(path):
    """The sounds that the rows of the table name, and targets [N, ..]."""
    rows = read_rows(path)
    sounds = Sounds([place_of(path, row[AUDIO].strip()) for row in rows])
    return sounds, targets_of([row[LABEL] for row in rows])


def batch_of(inputs, rows):
    """Features [B, mels, T], shorter sounds filled up with zeros, and the places of each [B]."""
    features = [inputs[row].T for row in rows]
    padded = torch.nn.utils.rnn.pad_sequence(features, batch_first=True)
    return padded.transpose(1, 2), torch.tensor([len(frames) // 2 for frames in features])


def sum_of(inputs, rows):
    """A number that changes when any of these samples has another length."""
    return sum(inputs.places(row) for row in rows)
