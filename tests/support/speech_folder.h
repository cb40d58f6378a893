// A tiny Whisper in the layout of Hugging Face, with random weights, and tones that it can learn to write down.
#pragma once

#include <string>
#include <vector>

#include "tests/support/files.h"

namespace thaw::test {

// A WAV file of 16-bit PCM with one channel; samples are -1 to 1.
std::string wav_bytes(const std::vector<float>& samples, int rate);

// Writes whisper/ (config.json, preprocessor_config.json, model.safetensors: sounds of at most one second, which have 8
// places), and tones/: `count` sounds in NAME.wav and NAME.csv beside them, with the columns audio, text and level, text
// being "a" for a low tone and "b" for a high one, two or three of them.
void write_speech_model(const TemporaryFolder& folder);
// Writes wave/: a tiny wav2vec 2.0 over raw samples, which needs 1,024 of them for a place.
void write_wave_model(const TemporaryFolder& folder);
// Writes writer/: the same with a decoder of 12 positions, and a byte-level tokenizer whose tokens are bytes.
void write_speech_writer(const TemporaryFolder& folder);
void write_tones(const TemporaryFolder& folder, const std::string& name, int count, unsigned seed);
// Writes NAME/high and NAME/low: `count` sounds each, of one to three tones.
void write_tone_classes(const TemporaryFolder& folder, const std::string& name, int count, unsigned seed);

}  // namespace thaw::test
