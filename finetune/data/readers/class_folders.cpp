#include "finetune/data/readers/class_folders.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/common/utf8.h"
#include "finetune/data/readers/columns.h"
#include "finetune/data/readers/labels.h"

namespace thaw {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDeepestFolder = 64;
constexpr std::size_t kMostFilesInFolder = 10'000'000;
// Thirty folders with two links each to the next are a thousand million.
constexpr std::size_t kMostFolders = 1'000'000;

// The files below a folder: paths relative to it, with '/', by bytes.
class FileList {
 public:
  FileList(std::string root, const FileKind& kind) : root_(std::move(root)), kind_(kind) {
    add({});
    std::sort(files_.begin(), files_.end());
  }

  const std::vector<std::string>& files() const { return files_; }
  const std::vector<std::string>& folders() const { return folders_; }  // in the root itself

  // Of the files that are of another kind, and are left out; empty where there are none.
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
                  " left out, no ", kind_.many, " by the ending (", endings,
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
    if (++looked_into_ > kMostFolders)
      fail_input("more than ", kMostFolders, " folders, those that links lead to again among them (", root_,
                 "); remove links, or give fewer at once");
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
    } else if (kind_.has_name(name)) {
      if (files_.size() >= kMostFilesInFolder)
        fail_input("more than ", kMostFilesInFolder, ' ', kind_.many, " (", root_, "); give fewer at once");
      files_.push_back(relative);
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
  const FileKind& kind_;
  std::vector<fs::path> open_;  // the real paths of the folders that this one stands in
  std::size_t looked_into_ = 0;
  std::vector<std::string> files_, folders_;
  std::map<std::string, Others> others_;  // by ending
};

std::string class_of(const std::string& relative) { return relative.substr(0, relative.find('/')); }

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

void check_classes(const FileList& list, const std::string& root, const FileKind& kind) {
  refuse_splits(list.folders(), root);
  if (list.folders().empty())
    fail_input("the folder has no folders in it (", root, "), which would be the classes; put the ",
               kind.many, " of each class into a folder of its name");
  std::vector<std::string> without = list.folders();
  std::sort(without.begin(), without.end());
  std::vector<std::string> beside;
  for (const std::string& file : list.files()) {
    if (file.find('/') == std::string::npos) beside.push_back(file);
    std::erase(without, class_of(file));
  }
  if (!beside.empty())
    fail_input(beside.size(), ' ',
               beside.size() == 1 ? concat(kind.one, " stands") : concat(kind.many, " stand"),
               " beside the class folders (", root, ", ", name_list(beside),
               "); put each into one of them, or away");
  if (!without.empty())
    fail_input("no ", kind.one, " is in the class ", without.size() == 1 ? "folder " : "folders ",
               name_list(without), " (", root, "); remove what is no class, or put ", kind.formats,
               " files there");
}

}  // namespace

void name_by_files(const DataSource& source, const std::string& column, const std::vector<std::string>& names,
                   Dataset& data) {
  if (!source.keep_id && columns_to_keep(source.keep, {column}, source.path).empty()) return;
  data.kept_columns.push_back(column);
  for (std::size_t row = 0; row < names.size(); ++row) data.samples[row].kept.push_back({names[row]});
}

Dataset read_one_file(const DataSource& source, const std::string& column, const ReadFiles& read) {
  Dataset data;
  data.samples.push_back({.id = 0});
  DataSource named = source;
  named.keep_id = false;
  name_by_files(named, column, {source.path}, data);
  data.inputs = read({source.path}, data.notes);
  return data;
}

std::string metadata_of_folder(const std::string& folder) {
  std::vector<std::string> tables;
  for (const char* name : {"metadata.csv", "metadata.jsonl"}) {
    std::error_code ignored;  // a folder that cannot be looked at has none
    if (std::string path = concat(folder, '/', name); fs::is_regular_file(path, ignored))
      tables.push_back(path);
  }
  if (tables.size() > 1)
    fail_input("the folder has two tables (", tables[0], " and ", tables[1],
               "); give one of them instead of the folder");
  return tables.empty() ? "" : tables[0];
}

std::string note_of_unnamed(const std::string& table, const FileKind& kind,
                            const std::vector<std::string>& named) try {
  const auto plain = [](const fs::path& path) { return fs::absolute(path).lexically_normal(); };
  std::set<fs::path> known;
  for (const std::string& path : named) known.insert(plain(path));
  const fs::path folder = fs::path(table).parent_path();
  const FileList list(folder.string(), kind);
  std::size_t count = 0;
  std::string first;
  for (const std::string& file : list.files())
    if (!known.contains(plain(folder / file)) && count++ == 0) first = file;
  if (count == 0) return {};
  return concat("warning: ", table, " names ", list.files().size() - count, " of the folder's ",
                list.files().size(), ' ', kind.many, "; the others are left out (first: ", first, ")");
} catch (const InputError&) {  // the table may be read though its folder may not be looked through
  return {};
}

Dataset read_class_folders(const DataSource& source, const FileKind& kind, const std::string& column,
                           const ReadFiles& read) {
  const FileList list(source.path, kind);
  const std::vector<std::string>& files = list.files();
  if (files.empty())
    fail_input("the folder has no ", kind.many, " in it (", source.path, "); give one with ", kind.formats,
               " files");
  if (source.targets != Targets::none) check_classes(list, source.path, kind);
  Dataset data;
  std::vector<std::string> labels, paths;
  for (std::size_t row = 0; row < files.size(); ++row) {
    data.samples.push_back({.id = static_cast<std::int64_t>(row)});
    labels.push_back(class_of(files[row]));
    paths.push_back(concat(source.path, '/', files[row]));
  }
  name_by_files(source, column, files, data);
  if (std::string note = list.note(); !note.empty()) data.notes.push_back(std::move(note));
  data.inputs = read(paths, data.notes);
  if (source.targets == Targets::none) return data;
  return with_labels(std::move(data), std::move(labels), source,
                     [&](std::int64_t row) { return paths[static_cast<std::size_t>(row)]; });
}

}  // namespace thaw
