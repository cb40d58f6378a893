// The folder in which the prefix cache keeps its files, a folder of its own for each prefix, and who has to give way there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "finetune/cache/prefix_file.h"

namespace thaw {

inline constexpr const char* kPrefixFileEnding = ".prefix";

// $THAW_CACHE, else thaw in $XDG_CACHE_HOME, else ~/.cache/thaw; empty where the environment names none of them.
std::string cache_folder();

std::string folder_of_prefix(const std::string& folder, const Digest& key);
// The files in a prefix's folder, in order of their names; none where there is no such folder.
std::vector<std::string> prefix_files(const std::string& folder_of_prefix);
void mark_as_used(const std::string& folder_of_prefix);

// Removes prefixes, the one that was used least lately first, but not `kept`, until so many bytes more are within the
// limit. False where that does not do.
bool make_room_on_disk(const std::string& folder, std::int64_t limit, std::int64_t bytes,
                       const std::string& kept);

struct CachedPrefix {
  PrefixName name;
  std::int64_t samples = 0, bytes = 0;
  std::string last_used;  // UTC
};
// The one that was used last first. Files that are damaged are left out.
std::vector<CachedPrefix> list_cache(const std::string& folder);
// Removes the files of the cache, and nothing else that stands in the folder; returns how many bytes they had.
std::int64_t clear_cache(const std::string& folder);

}  // namespace thaw
