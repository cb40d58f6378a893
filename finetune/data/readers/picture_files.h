// Picture files that a table names, that stand in folders, or one by itself.
#pragma once

#include <string>

#include "finetune/data/pictures.h"
#include "finetune/data/readers/readers.h"

namespace thaw {

// The table that Hugging Face's folders of pictures and sounds have, metadata.csv or metadata.jsonl; empty: none.
std::string metadata_of_folder(const std::string& folder);

// What a cell of the table names, relative to the table's folder. Its header and its bytes are read, for their hash.
// InputError with `place` where it cannot be read.
PictureFile picture_of_table(const std::string& table, const std::string& name, const std::string& place);

// A data set of one sample, the picture source.path. For prediction.
Dataset read_picture_alone(const DataSource& source);

// The folder source.path. With labels: it has a folder for each class, and every picture in that, however deep, is a sample
// of the class. Without: every picture in it is a sample. In both cases:
//   - samples stand in the order of their paths, by bytes;
//   - names that begin with a dot, and what is in such folders, are not looked at;
//   - links are followed; a folder that a link makes part of itself is an error;
//   - files that are no pictures by their ending are left out, and counted in a note;
//   - pictures that cannot be read are an error, all of them at once, as is a class without pictures.
Dataset read_picture_folder(const DataSource& source);

// What there is to say of them, for the user: transparency that was dropped.
void note_pictures(const std::vector<PictureFile>& files, const std::string& where,
                   std::vector<std::string>& notes);

}  // namespace thaw
