#include "finetune/data/readers/picture_files.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/common/utf8.h"
#include "finetune/data/readers/columns.h"
#include "finetune/data/readers/labels.h"
#include "nn/io/sha256.h"

namespace thaw {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDeepestFolder = 64;
constexpr std::size_t kMostFilesInFolder = 10'000'000;

PictureFile read_picture_file(const std::string& path) {
  const std::string bytes = read_picture_bytes(path);
  return {path, read_picture_info(bytes, path), sha256_hex(bytes)};
}

// The files below a folder: paths relative to it, with '/', by bytes.
class FileList {
 public:
  explicit FileList(std::string root) : root_(std::move(root)) {
    add({});
    std::sort(pictures_.begin(), pictures_.end());
  }

  const std::vector<std::string>& pictures() const { return pictures_; }
  const std::vector<std::string>& folders() const { return folders_; }  // in the root itself

  // Of the files that are no pictures, and are left out; empty where there are none.
  std::string note() const {
    if (others_.empty()) return {};
    std::size_t count = 0;
    std::string endings;
    for (const auto& [ending, files] : others_) {
      count += files.count;
      if (endings.size() < 60)
        endings +=
            concat(endings.empty() ? "" : ", ", files.count, ' ', ending.empty() ? "without ending" : ending);
    }
    return concat(count, count == 1 ? " file" : " files", " of ", root_, count == 1 ? " is" : " are",
                  " left out, no pictures by the ending (", endings,
                  "; first: ", others_.begin()->second.first, ")");
  }

 private:
  struct Others {
    std::size_t count = 0;
    std::string first;
  };

  fs::path full(const std::string& relative) const {
    return relative.empty() ? fs::path(root_) : fs::path(root_) / relative;
  }

  void add(const std::string& folder) {
    std::error_code error;
    const fs::path path = full(folder);
    const fs::path real = fs::canonical(path, error);
    if (error) refuse(path, error);
    if (std::find(open_.begin(), open_.end(), real) != open_.end())
      fail_input("a link makes the folder part of itself (", path.string(), "); remove the link");
    if (open_.size() >= kDeepestFolder)
      fail_input("folders within folders, more than ", kDeepestFolder, " (", path.string(),
                 "); give one further down");
    open_.push_back(real);
    fs::directory_iterator entry(path, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) add_entry(folder, *entry);
    if (error) refuse(path, error);
    open_.pop_back();
  }

  void add_entry(const std::string& folder, const fs::directory_entry& entry) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.')) return;
    if (!is_utf8(name))
      fail_input("a name that is not UTF-8 (", folder.empty() ? root_ : full(folder).string(), ", ",
                 in_quotes(name), "); rename it");
    const std::string relative = folder.empty() ? name : concat(folder, '/', name);
    std::error_code error;
    if (entry.is_directory(error)) {
      if (folder.empty()) folders_.push_back(name);
      add(relative);
    } else if (is_picture_name(name)) {
      if (pictures_.size() >= kMostFilesInFolder)
        fail_input("more than ", kMostFilesInFolder, " pictures (", root_, "); give fewer at once");
      pictures_.push_back(relative);
    } else {
      Others& others = others_[lower_ascii(entry.path().extension().string())];
      if (others.count++ == 0) others.first = relative;
    }
  }

  [[noreturn]] static void refuse(const fs::path& path, const std::error_code& error) {
    fail_input("cannot look into the folder (", path.string(), "): ", error.message(),
               "; check its permissions");
  }

  std::string root_;
  std::vector<fs::path> open_;  // the real paths of the folders that this one stands in
  std::vector<std::string> pictures_, folders_;
  std::map<std::string, Others> others_;  // by ending
};

std::string class_of(const std::string& relative) { return relative.substr(0, relative.find('/')); }

// Headers and hashes of all, or what is wrong with them.
std::vector<PictureFile> read_all(const std::string& root, const std::vector<std::string>& pictures) {
  std::vector<PictureFile> files;
  files.reserve(pictures.size());
  std::size_t bad = 0;
  std::string first;
  for (const std::string& picture : pictures) try {
      files.push_back(read_picture_file(concat(root, '/', picture)));
    } catch (const InputError& error) {
      if (bad++ == 0) first = error.what();
    }
  if (bad == 1) fail_input(first);
  if (bad > 1) fail_input(bad, " files of ", root, " cannot be read as pictures; the first: ", first);
  return files;
}

// "train" and "test" beside each other are no classes.
void refuse_splits(const std::vector<std::string>& folders, const std::string& root) {
  constexpr std::array<std::string_view, 8> kSplits = {"train", "training", "test",       "testing",
                                                       "val",   "valid",    "validation", "dev"};
  const auto is_split = [&](const std::string& name) {
    return std::find(kSplits.begin(), kSplits.end(), lower_ascii(name)) != kSplits.end();
  };
  if (!folders.empty() && std::all_of(folders.begin(), folders.end(), is_split))
    fail_input("the folders in ", root, " are called ", name_list(folders),
               ", which are parts of the data and no classes; set data.train, data.validation and data.test "
               "to them");
}

void check_classes(const FileList& files, const std::string& root) {
  refuse_splits(files.folders(), root);
  if (files.folders().empty())
    fail_input("the folder has no folders in it (", root,
               "), which would be the classes; put the pictures of each class into a folder of its name");
  std::vector<std::string> without = files.folders();
  std::sort(without.begin(), without.end());
  std::vector<std::string> beside;
  for (const std::string& picture : files.pictures()) {
    if (picture.find('/') == std::string::npos) beside.push_back(picture);
    std::erase(without, class_of(picture));
  }
  if (!beside.empty())
    fail_input(beside.size(), beside.size() == 1 ? " picture stands" : " pictures stand",
               " beside the class folders (", root, ", ", name_list(beside),
               "); put each into one of them, or away");
  if (!without.empty())
    fail_input("no picture is in the class ", without.size() == 1 ? "folder " : "folders ",
               name_list(without), " (", root, "); remove what is no class, or put PNG or JPEG files there");
}

// Names the samples by their files, where that is asked for.
void keep_names(const DataSource& source, const std::vector<std::string>& names, Dataset& data) {
  const std::string column = source.image.empty() ? "image" : source.image;
  if (!source.keep_id && columns_to_keep(source.keep, {column}, source.path).empty()) return;
  data.kept_columns.push_back(column);
  for (std::size_t row = 0; row < names.size(); ++row) data.samples[row].kept.push_back({names[row]});
}

}  // namespace

std::string metadata_of_folder(const std::string& folder) {
  for (const char* name : {"metadata.csv", "metadata.jsonl"}) {
    std::error_code ignored;  // a folder that cannot be looked at has none
    if (std::string path = concat(folder, '/', name); fs::is_regular_file(path, ignored)) return path;
  }
  return {};
}

PictureFile picture_of_table(const std::string& table, const std::string& name, const std::string& place) {
  try {
    return read_picture_file((fs::path(table).parent_path() / name).string());
  } catch (const InputError& error) {
    fail_input(error.what(), "; it is named by ", place);
  }
}

Dataset read_picture_alone(const DataSource& source) {
  if (source.targets != Targets::none)
    fail_input("a picture has no label (", source.path,
               "); give a folder with a folder for each class, or a .csv, .tsv or .jsonl table with a column "
               "of files");
  Dataset data;
  data.samples.push_back({.id = 0});
  DataSource named = source;
  named.keep_id = false;
  keep_names(named, {source.path}, data);
  std::vector<PictureFile> files{read_picture_file(source.path)};
  note_pictures(files, source.path, data.notes);
  data.inputs = std::make_shared<const Pictures>(source_of_files(std::move(files)));
  return data;
}

Dataset read_picture_folder(const DataSource& source) {
  const FileList list(source.path);
  if (list.pictures().empty())
    fail_input("the folder has no pictures in it (", source.path, "); give one with PNG or JPEG files");
  if (source.targets != Targets::none) check_classes(list, source.path);
  std::vector<PictureFile> files = read_all(source.path, list.pictures());
  Dataset data;
  std::vector<std::string> labels;
  for (std::int64_t row = 0; row < static_cast<std::int64_t>(files.size()); ++row) {
    data.samples.push_back({.id = row});
    labels.push_back(class_of(list.pictures()[static_cast<std::size_t>(row)]));
  }
  keep_names(source, list.pictures(), data);
  if (std::string note = list.note(); !note.empty()) data.notes.push_back(std::move(note));
  note_pictures(files, source.path, data.notes);
  data.inputs = std::make_shared<const Pictures>(source_of_files(std::move(files)));
  if (source.targets == Targets::none) return data;
  return with_labels(std::move(data), std::move(labels), source, [&](std::int64_t row) {
    return concat(source.path, '/', list.pictures()[static_cast<std::size_t>(row)]);
  });
}

void note_pictures(const std::vector<PictureFile>& files, const std::string& where,
                   std::vector<std::string>& notes) {
  const auto has_alpha = [](const PictureFile& file) { return file.info.has_alpha; };
  const auto clear = std::count_if(files.begin(), files.end(), has_alpha);
  if (clear == 0) return;
  const char* what = " may be transparent: of a clear pixel the colour is taken that it has";
  if (files.size() == 1)
    notes.push_back(concat(where, what));
  else
    notes.push_back(concat(clear, clear == 1 ? " picture of " : " pictures of ", where, what,
                           " (first: ", std::find_if(files.begin(), files.end(), has_alpha)->path, ")"));
}

}  // namespace thaw
