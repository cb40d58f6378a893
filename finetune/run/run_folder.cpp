#include "finetune/run/run_folder.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace thaw {
namespace {

namespace fs = std::filesystem;

constexpr const char* kBeingRemoved = ".removed";
constexpr const char* kUnfinished = ".unfinished-";

bool is_empty(const std::string& path) {
  for (const fs::directory_entry& entry : fs::directory_iterator(path))
    if (entry.path().filename() != ".lock") return false;
  return true;
}

void make_folder(const std::string& path) {
  std::error_code error;
  if (fs::exists(path, error) && !fs::is_directory(path, error))
    fail_input("the output is a file, not a folder (", path, "); choose another --out");
  fs::create_directories(path, error);
  if (error)
    fail_input("the output folder cannot be made: ", error.message(), " (", path, "); choose another --out");
}

// What processes that were killed left of this folder, among them one that had this process's number.
void remove_unfinished(const fs::path& target) {
  const std::string begin = target.filename().string() + kUnfinished;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(target.parent_path(), error)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(begin)) continue;
    const char* const number = name.data() + begin.size();
    pid_t process = 0;
    const auto read = std::from_chars(number, name.data() + name.size(), process);
    if (process <= 0 || read.ptr != name.data() + name.size()) continue;
    const bool ended = process == ::getpid() || (::kill(process, 0) != 0 && errno == ESRCH);
    if (ended) fs::remove_all(entry.path(), error);
  }
}

}  // namespace

void write_folder(const std::string& path, const std::function<void(const std::string& folder)>& fill) {
  fs::path target = fs::absolute(path).lexically_normal();
  if (!target.has_filename()) target = target.parent_path();  // "merged/"
  const bool was_there = fs::exists(target);
  make_folder(target);
  if (!fs::is_empty(target)) fail_input("the output folder is not empty (", path, "); choose another --out");
  const fs::path unfinished = concat(target.string(), kUnfinished, ::getpid());
  remove_unfinished(target);
  std::error_code error;
  try {
    make_folder(unfinished);
    fill(unfinished);
  } catch (...) {
    fs::remove_all(unfinished, error);
    if (!was_there) fs::remove(target, error);  // empty as it is
    throw;
  }
  fs::rename(unfinished, target, error);
  if (!error) return;
  const std::string reason = error.message();
  fs::remove_all(unfinished, error);
  fail("cannot write the folder ", path, ": ", reason, "; choose another --out");
}

void remove_folder(const std::string& path) {
  const std::string aside = path + kBeingRemoved;
  fs::remove_all(aside);
  if (!fs::exists(path)) return;
  fs::rename(path, aside);
  fs::remove_all(aside);
}

EarlierRun clear_unless_it_goes_on(const std::string& path) {
  const bool ended = fs::exists(path + "/run.json") || fs::exists(path + kBeingRemoved);
  fs::remove_all(path + kBeingRemoved);
  if (!fs::exists(path)) return ended ? EarlierRun::ended : EarlierRun::none;
  // Written first: without it nothing is left that could be told from another's.
  if (!ended && fs::exists(path + "/config.toml")) return EarlierRun::goes_on;
  remove_folder(path);
  return ended ? EarlierRun::ended : EarlierRun::none;
}

RunFolder::RunFolder(const std::string& path, bool resume, Content content) : path_(path) {
  make_folder(path);
  was_empty_ = is_empty(path);
  if (!resume && !was_empty_)
    fail_input("the output folder is not empty (", path,
               "); choose another --out, or continue its run with --resume");
  // Several workers may go on with one comparison.
  const bool shared = resume && content != Content::run;
  lock_ = std::make_unique<FileLock>(path, shared);
  if (lock_->was_alone()) {
    fs::remove_all(checkpoints() + kBeingRemoved);
    remove_stale_temporaries(path);
    remove_stale_temporaries(checkpoints());
    remove_stale_temporaries(file("adapter"));
  }
  if (content != Content::run) lock_->share();
  if (!is_empty(path)) check_content(content);
}

// What is there tells itself by the file that it writes first.
void RunFolder::check_content(Content content) const {
  const auto has = [&](const char* name) { return fs::exists(file(name)); };
  const char* wanted = "run of `thaw train`";
  bool is_there = (has("config.toml") || has("checkpoints")) && !has("journal.jsonl") && !has("cells.txt");
  if (content == Content::comparison) wanted = "comparison", is_there = has("journal.jsonl");
  if (content == Content::study) wanted = "study", is_there = has("cells.txt");
  if (!is_there)
    fail_input("the folder holds no ", wanted, " that could be resumed, but something else (", path_,
               "); choose another --out");
}

void RunFolder::open_metrics() {
  if (metrics_.is_open()) return;
  const std::string metrics = file("metrics.jsonl");
  metrics_ = FileDescriptor(::open(metrics.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (!metrics_.is_open())
    fail_input("cannot write ", metrics, ": ", std::strerror(errno), "; choose another --out");
  struct stat status {};
  if (::fstat(metrics_.get(), &status) == 0) metrics_bytes_ = status.st_size;
}

bool RunFolder::finished() const { return fs::exists(file("run.json")); }

void RunFolder::append_metrics(const std::string& json_line) {
  open_metrics();
  const std::string path = file("metrics.jsonl");
  FileWriter writer(metrics_.get(), path);
  writer.write(json_line + "\n");
  metrics_bytes_ += static_cast<std::int64_t>(json_line.size()) + 1;
}

bool RunFolder::truncate_metrics(std::int64_t bytes) {
  open_metrics();
  const bool is_whole = bytes <= metrics_bytes_;
  if (!is_whole) {  // what is left of a line that was cut must not become one with the next
    const std::string text = read_file(file("metrics.jsonl"), metrics_bytes_);
    bytes = static_cast<std::int64_t>(text.rfind('\n') + 1);
  }
  if (::ftruncate(metrics_.get(), bytes) != 0)
    fail("cannot cut ", file("metrics.jsonl"), " back: ", std::strerror(errno), "; check the disk");
  metrics_bytes_ = bytes;
  return is_whole;
}

namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// Whether one of the lines gives the key that `line` gives.
bool has_key_of(const std::string& line, const std::vector<std::string>& lines) {
  const std::string key = line.substr(0, line.find(" = ") + 1);
  return std::any_of(lines.begin(), lines.end(), [&](const std::string& other) {
    return key.empty() ? other == line : other.starts_with(key);
  });
}

template <class Same>
void check_same_lines(const std::vector<std::string>& before, const std::vector<std::string>& after,
                      const std::string& file, const Same& same) {
  const auto [was, is] = std::mismatch(before.begin(), before.end(), after.begin(), after.end(), same);
  if (was == before.end() && is == after.end()) return;
  const bool is_new = was == before.end() || (is != after.end() && !has_key_of(*is, before));
  const bool is_gone = is == after.end() || (was != before.end() && !has_key_of(*was, after));
  const std::string what = is_gone ? concat("the run was begun with `", *was, "`, which this config has not")
                           : is_new
                               ? concat("this config has `", *is, "`, without which the run was begun")
                               : concat("the run was begun with `", *was, "`, this config has `", *is, "`");
  fail_input(what, " (", file, "); resume with the same config and --set options, or choose another --out");
}

// "/data/films.csv" -> "films.csv": what an absolute path names, wherever it stands.
std::string without_folders(std::string line) {
  for (std::size_t begin = line.find("\"/"); begin != std::string::npos;
       begin = line.find("\"/", begin + 1)) {
    const std::size_t end = std::min(line.find('"', begin + 1), line.size());
    const std::size_t slash = line.rfind('/', end);
    line.erase(begin + 1, slash - begin);
  }
  return line;
}

// What a line of seeds says; -1 for another line.
std::int64_t seeds_of(const std::string& line) {
  constexpr std::string_view kKey = "seeds = ";
  std::int64_t seeds = -1;
  if (line.starts_with(kKey)) std::from_chars(line.data() + kKey.size(), line.data() + line.size(), seeds);
  return seeds;
}

// More of them may be compared than were.
bool adds_seeds(const std::string& then, const std::string& now) {
  return seeds_of(then) > 0 && seeds_of(then) <= seeds_of(now);
}

}  // namespace

void check_same_config(const std::string& then, const std::string& now, const std::string& file) {
  check_same_lines(lines_of(then), lines_of(now), file, std::equal_to<>());
}

void check_same_comparison(const std::string& then, const std::string& now, const std::string& file) {
  const auto compared = [](const std::string& text) {
    std::vector<std::string> lines = lines_of(text);
    std::erase_if(lines, [](const std::string& line) { return line.starts_with("strategies = "); });
    return lines;
  };
  check_same_lines(compared(then), compared(now), file, [](const std::string& a, const std::string& b) {
    return without_folders(a) == without_folders(b) || adds_seeds(a, b);
  });
}

void check_same_comparison(const std::string& now, const std::string& file) {
  if (std::filesystem::exists(file)) check_same_comparison(read_file(file, 1 << 24), now, file);
}

std::string nothing_to_resume(const std::string& folder) {
  return "nothing to resume in " + folder + ": begins anew";
}

std::string default_run_path(const std::string& name) {
  for (int n = 1;; ++n) {
    std::string path = "runs/" + name + "-" + std::to_string(n);
    if (!fs::exists(path)) return path;
  }
}

}  // namespace thaw
