#include "finetune/data/readers/sound_clip.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <string_view>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/data/readers/columns.h"
#include "finetune/data/sound/sound_file.h"
#include "nn/io/files.h"
#include "nn/io/sha256.h"

namespace thaw {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 6> kEndings = {".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3"};
constexpr std::int64_t kLargestSound = std::int64_t{1} << 32;

SoundClip read_clip(const std::string& path) {
  const SoundInfo info = read_sound_info(path);
  if (info.frames == 0) fail_input("the sound is empty (", path, "); leave it out");
  return {path, info.frames, info.rate, sha256_hex(read_file(path, kLargestSound))};
}

}  // namespace

bool is_sound_name(const std::string& path) {
  const std::string ending = lower_ascii(fs::path(path).extension().string());
  return std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end();
}

SoundClip clip_of_table(const std::string& table, const std::string& name, const std::string& place) {
  const fs::path folder = fs::path(table).parent_path();
  fs::path path = folder / name;
  std::error_code ignored;  // read_sound_info() says what is wrong with a path
  if (!fs::exists(path, ignored) && fs::exists(folder / "clips" / name, ignored))
    path = folder / "clips" / name;
  try {
    return read_clip(path.string());
  } catch (const InputError& error) {
    fail_input(error.what(), "; it is named by ", place);
  }
}

Dataset read_sound_alone(const DataSource& source) {
  if (source.targets != Targets::none)
    fail_input("a sound file has no transcript (", source.path,
               "); give a .csv, .tsv or .jsonl table with a column of sound files and one of transcripts");
  Dataset data;
  data.samples.push_back({.id = 0});
  if (!columns_to_keep(source.keep, {source.audio}, source.path).empty()) {
    data.kept_columns.push_back(source.audio);
    data.samples.back().kept.push_back({source.path});
  }
  data.inputs = std::make_shared<const Sounds>(std::vector<SoundClip>{read_clip(source.path)});
  return data;
}

}  // namespace thaw
