// Picture files that a table names, that stand in folders, or one by itself.
#pragma once

#include <string>

#include "finetune/data/picture/picture_file.h"
#include "finetune/data/pictures.h"
#include "finetune/data/readers/class_folders.h"
#include "finetune/data/readers/readers.h"

namespace thaw {

inline constexpr FileKind kPictureFiles{"picture", "pictures", "PNG or JPEG", is_picture_name};

// Its header and its bytes are read, for their hash. InputError where it cannot be read.
PictureFile read_picture_file(const std::string& path);

// A data set of one sample, the picture source.path. For prediction.
Dataset read_picture_alone(const DataSource& source);

// The folder source.path, as read_class_folders() has it.
Dataset read_picture_folder(const DataSource& source);

// What there is to say of them, for the user: transparency that was dropped.
void note_pictures(const std::vector<PictureFile>& files, const std::string& where,
                   std::vector<std::string>& notes);

}  // namespace thaw
