// Folders of files of one kind, pictures or sounds, with a folder for each class.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/error.h"
#include "finetune/data/inputs.h"
#include "finetune/data/readers/readers.h"

namespace thaw {

struct FileKind {
  const char* one;      // "picture"
  const char* many;     // "pictures"
  const char* formats;  // "PNG or JPEG"
  bool (*has_name)(const std::string& path);
};

// The inputs that files are, by their paths; with notes for the user.
using ReadFiles = std::function<std::shared_ptr<const Inputs>(const std::vector<std::string>& paths,
                                                              std::vector<std::string>& notes)>;

// The folder source.path. With labels: it has a folder for each class, and every file of the kind in that, however deep, is a
// sample of the class. Without: every one in it is a sample. In both cases:
//   - samples stand in the order of their paths, by bytes, and are named by them in `column` where results ask for names;
//   - names that begin with a dot, and what is in such folders, are not looked at;
//   - links are followed; a folder that a link makes part of itself is an error;
//   - files of another kind by their ending are left out, and counted in a note;
//   - files that cannot be read are an error, all of them at once (read_files()), as is a class without any.
Dataset read_class_folders(const DataSource& source, const FileKind& kind, const std::string& column,
                           const ReadFiles& read);

// What `read` gives of each. InputError for those that it refuses: how many, and what it said of the first.
template <class Read>
auto read_files(const FileKind& kind, const std::string& folder, const std::vector<std::string>& paths,
                const Read& read) {
  std::vector<decltype(read(paths[0]))> files;
  files.reserve(paths.size());
  std::size_t bad = 0;
  std::string first;
  for (const std::string& path : paths) try {
      files.push_back(read(path));
    } catch (const InputError& error) {
      if (bad++ == 0) first = error.what();
    }
  if (bad == 1) fail_input(first);
  if (bad > 1)
    fail_input(bad, " files of ", folder, " cannot be read as ", kind.many, "; the first: ", first);
  return files;
}

// A data set of one sample, the file source.path. For prediction.
Dataset read_one_file(const DataSource& source, const std::string& column, const ReadFiles& read);

// The table that Hugging Face's folders of pictures and sounds have, metadata.csv or metadata.jsonl; empty: none. InputError
// for both.
std::string metadata_of_folder(const std::string& folder);
// How many files of the folder its table does not name, for the user; empty: it names all.
std::string note_of_unnamed(const std::string& table, const FileKind& kind,
                            const std::vector<std::string>& named);

// Names the samples by their files, where source.keep or source.keep_id asks for it.
void name_by_files(const DataSource& source, const std::string& column, const std::vector<std::string>& names,
                   Dataset& data);

}  // namespace thaw
