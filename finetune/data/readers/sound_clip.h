// Sound files that a table names, or one by itself.
#pragma once

#include <string>

#include "finetune/data/readers/readers.h"
#include "finetune/data/sounds.h"

namespace thaw {

// By its ending.
bool is_sound_name(const std::string& path);

// What a cell of the table names: relative to the table's folder, or (as in Common Voice) to clips/ in it. Its header and
// its bytes are read, for their hash. InputError with `place` where it cannot be read.
SoundClip clip_of_table(const std::string& table, const std::string& name, const std::string& place);

// A data set of one sample, the sound file source.path. For prediction.
Dataset read_sound_alone(const DataSource& source);

}  // namespace thaw
