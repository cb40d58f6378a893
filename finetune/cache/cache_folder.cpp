#include "finetune/cache/cache_folder.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <system_error>
#include <utility>

#include "core/error.h"
#include "nn/io/files.h"

namespace thaw {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFolderDigits = 32;  // of the prefix's key

bool is_folder_of_prefix(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.size() == kFolderDigits && name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// Those of temporary files, which a kill may leave, begin with a file's own name.
bool is_of_cache(const fs::path& path) {
  return path.filename().string().find(kPrefixFileEnding) != std::string::npos;
}

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error))
    found.push_back(entry->path());
  std::sort(found.begin(), found.end());
  return found;
}

std::int64_t bytes_of_file(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  return error ? 0 : static_cast<std::int64_t>(size);
}

std::string utc_text(fs::file_time_type time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(std::chrono::file_clock::to_sys(time));
  const std::time_t since_epoch = seconds.time_since_epoch().count();
  std::tm parts{};
  gmtime_r(&since_epoch, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts)};
}

struct FolderOfPrefix {
  fs::path path;
  fs::file_time_type used;
  std::int64_t bytes = 0;
};

// The one that was used least lately first.
std::vector<FolderOfPrefix> folders_of_prefixes(const std::string& folder) {
  std::vector<FolderOfPrefix> found;
  for (const fs::path& path : entries_of(folder)) {
    std::error_code error;
    if (!is_folder_of_prefix(path) || !fs::is_directory(path, error)) continue;
    FolderOfPrefix prefix{path, fs::last_write_time(path, error)};
    for (const fs::path& file : entries_of(path)) prefix.bytes += bytes_of_file(file);
    found.push_back(std::move(prefix));
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.used < b.used; });
  return found;
}

// What kills left of files that were being written.
void remove_leftovers(const std::string& folder) {
  constexpr std::chrono::hours kLongEnough(1);
  const auto now = fs::file_time_type::clock::now();
  std::error_code error;
  for (const fs::path& prefix : entries_of(folder))
    if (is_folder_of_prefix(prefix))
      for (const fs::path& file : entries_of(prefix))
        if (is_of_cache(file) && file.extension() != kPrefixFileEnding &&
            now - fs::last_write_time(file, error) > kLongEnough && !error)
          fs::remove(file, error);
}

std::int64_t remove_prefix(const fs::path& folder) {
  std::int64_t bytes = 0;
  std::error_code error;
  for (const fs::path& file : entries_of(folder)) {
    if (!is_of_cache(file)) continue;
    const std::int64_t size = bytes_of_file(file);
    if (fs::remove(file, error)) bytes += size;
  }
  fs::remove(folder, error);  // if it is empty
  return bytes;
}

}  // namespace

std::string cache_folder() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  if (std::string named = variable("THAW_CACHE"); !named.empty()) return named;
  if (const std::string caches = variable("XDG_CACHE_HOME"); !caches.empty()) return caches + "/thaw";
  const std::string home = variable("HOME");
  return home.empty() ? "" : home + "/.cache/thaw";
}

std::string folder_of_prefix(const std::string& folder, const Digest& key) {
  return concat(folder, '/', hex_of(key).substr(0, kFolderDigits));
}

std::vector<std::string> prefix_files(const std::string& folder_of_prefix) {
  std::vector<std::string> paths;
  for (const fs::path& path : entries_of(folder_of_prefix))
    if (path.extension() == kPrefixFileEnding) paths.push_back(path.string());
  return paths;
}

void mark_as_used(const std::string& folder_of_prefix) {
  std::error_code ignored;
  fs::last_write_time(folder_of_prefix, fs::file_time_type::clock::now(), ignored);
}

bool make_room_on_disk(const std::string& folder, std::int64_t limit, std::int64_t bytes,
                       const std::string& kept) {
  remove_leftovers(folder);
  const std::vector<FolderOfPrefix> prefixes = folders_of_prefixes(folder);
  std::int64_t total = bytes, least = bytes;
  for (const FolderOfPrefix& prefix : prefixes) {
    total += prefix.bytes;
    if (prefix.path == kept) least += prefix.bytes;
  }
  if (least > limit) return false;  // whatever else goes
  for (const FolderOfPrefix& prefix : prefixes)
    if (total > limit && prefix.path != kept) total -= remove_prefix(prefix.path);
  return total <= limit;
}

std::vector<CachedPrefix> list_cache(const std::string& folder) {
  std::vector<CachedPrefix> found;
  for (const FolderOfPrefix& prefix : folders_of_prefixes(folder)) {
    CachedPrefix cached;
    for (const std::string& path : prefix_files(prefix.path.string())) {
      try {
        const PrefixFile file(path);
        cached.name = file.header().name;
        cached.samples += std::ssize(file.index());
        cached.bytes += file.bytes();
      } catch (const std::exception&) {  // another process removes it, or the next run that finds it
      }
    }
    cached.last_used = utc_text(prefix.used);
    if (cached.samples > 0) found.push_back(std::move(cached));
  }
  std::reverse(found.begin(), found.end());
  return found;
}

std::int64_t clear_cache(const std::string& folder) {
  std::int64_t bytes = 0;
  for (const FolderOfPrefix& prefix : folders_of_prefixes(folder)) bytes += remove_prefix(prefix.path);
  return bytes;
}

}  // namespace thaw
