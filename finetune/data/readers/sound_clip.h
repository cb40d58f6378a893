// Sound files that a table names, that stand in folders, or one by itself.
#pragma once

#include <string>

#include "finetune/data/readers/class_folders.h"
#include "finetune/data/readers/readers.h"
#include "finetune/data/sounds.h"

namespace thaw {

// By its ending.
bool is_sound_name(const std::string& path);

inline constexpr FileKind kSoundFiles{"sound", "sounds", "WAV, FLAC or Ogg", is_sound_name};

// Of what a cell of the table names: relative to the table's folder or, as in Common Voice, to clips/ in it.
std::string path_of_sound(const std::string& table, const std::string& name);

// Its header and its bytes are read, for their hash. InputError where it cannot be read.
SoundClip read_sound_clip(const std::string& path);

// A data set of one sample, the sound file source.path. For prediction.
Dataset read_sound_alone(const DataSource& source);

// The folder source.path, as read_class_folders() has it.
Dataset read_sound_folder(const DataSource& source);

}  // namespace thaw
