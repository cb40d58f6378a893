// WAV files of 16-bit PCM: a RIFF file of chunks (name, size, content), of which "fmt " says how the samples are
// written and "data" has them. From Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0"
// (1991), and Microsoft's WAVEFORMATEXTENSIBLE, which says the same in another place.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "finetune/data/readers/input_file.h"
#include "finetune/data/sound/sound_reader.h"

namespace thaw {

// "RIFF", a size, "WAVE": what a WAV file begins with.
inline constexpr std::size_t kWavHeadBytes = 12;

// Reads on from the first kWavHeadBytes, `head`. Samples of other encodings than 16-bit PCM are left to
// libsndfile.
std::unique_ptr<SoundReader> open_wav(std::unique_ptr<InputFile> file, std::string_view head);

}  // namespace thaw
