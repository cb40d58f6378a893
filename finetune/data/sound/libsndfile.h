// Sound files through libsndfile (FLAC, Ogg, MP3, AIFF, WAV of any encoding), which only libsndfile.cpp sees. A build
// without it refuses each by the name of its kind.
#pragma once

#include <memory>
#include <string>

#include "finetune/data/sound/sound_reader.h"

namespace thaw {

// `kind` names the file's format in errors: "FLAC".
std::unique_ptr<SoundReader> open_by_libsndfile(const std::string& path, const std::string& kind);

}  // namespace thaw
