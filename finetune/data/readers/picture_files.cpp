#include "finetune/data/readers/picture_files.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "core/error.h"
#include "finetune/common/text.h"
#include "nn/io/sha256.h"

namespace thaw {
namespace {

std::string column_of(const DataSource& source) { return source.image.empty() ? "image" : source.image; }

ReadFiles pictures_of(const DataSource& source) {
  return [path = source.path](const std::vector<std::string>& paths, std::vector<std::string>& notes) {
    std::vector<PictureFile> files = read_files(kPictureFiles, path, paths, read_picture_file);
    note_pictures(files, path, notes);
    return std::make_shared<const Pictures>(source_of_files(std::move(files)));
  };
}

}  // namespace

PictureFile read_picture_file(const std::string& path) {
  const std::string bytes = read_picture_bytes(path);
  return {path, read_picture_info(bytes, path), sha256_hex(bytes)};
}

Dataset read_picture_alone(const DataSource& source) {
  if (source.targets != Targets::none)
    fail_input("a picture has no label (", source.path,
               "); give a folder with a folder for each class, or a .csv, .tsv or .jsonl table with a column "
               "of files");
  return read_one_file(source, column_of(source), pictures_of(source));
}

Dataset read_picture_folder(const DataSource& source) {
  return read_class_folders(source, kPictureFiles, column_of(source), pictures_of(source));
}

void note_pictures(const std::vector<PictureFile>& files, const std::string& where,
                   std::vector<std::string>& notes) {
  const auto note = [&](bool PictureInfo::*is_so, const char* what) {
    const auto asked = [&](const PictureFile& file) { return file.info.*is_so; };
    const auto count = std::count_if(files.begin(), files.end(), asked);
    if (count == 0) return;
    if (files.size() == 1)
      notes.push_back(concat(where, what));
    else
      notes.push_back(concat(count, count == 1 ? " picture of " : " pictures of ", where, what,
                             " (first: ", std::find_if(files.begin(), files.end(), asked)->path, ")"));
  };
  note(&PictureInfo::has_alpha, " may be transparent: of a clear pixel the colour is taken that it has");
  note(&PictureInfo::has_16_bits, ": of the 16 bits of a value the upper 8 are taken");
}

}  // namespace thaw
