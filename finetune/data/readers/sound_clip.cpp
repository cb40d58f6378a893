#include "finetune/data/readers/sound_clip.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <string_view>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/data/sound/sound_file.h"
#include "nn/io/files.h"
#include "nn/io/sha256.h"

namespace thaw {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 9> kEndings = {".wav", ".flac", ".ogg",  ".oga", ".opus",
                                                      ".mp3", ".aif",  ".aiff", ".aifc"};

ReadFiles sounds_of(const DataSource& source) {
  return [path = source.path](const std::vector<std::string>& paths, std::vector<std::string>&) {
    return std::make_shared<const Sounds>(read_files(kSoundFiles, path, paths, read_sound_clip));
  };
}

}  // namespace

bool is_sound_name(const std::string& path) {
  const std::string ending = lower_ascii(fs::path(path).extension().string());
  return std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end();
}

std::string path_of_sound(const std::string& table, const std::string& name) {
  const fs::path folder = fs::path(table).parent_path(), path = folder / name,
                 in_clips = folder / "clips" / name;
  std::error_code ignored;  // read_sound_info() says what is wrong with a path
  return (!fs::exists(path, ignored) && fs::exists(in_clips, ignored) ? in_clips : path).string();
}

SoundClip read_sound_clip(const std::string& path) {
  const SoundInfo info = read_sound_info(path);
  if (info.frames == 0) fail_input("the sound is empty (", path, "); leave it out");
  const std::string bytes = read_file(path, kLargestSound);
  if (is_chained_ogg(bytes))
    fail_input("several recordings stand one after another in the file (", path, "); split it");
  return {path, info.frames, info.rate, sha256_hex(bytes)};
}

Dataset read_sound_alone(const DataSource& source) {
  if (source.targets != Targets::none)
    fail_input("a sound file has no ", source.targets == Targets::transcripts ? "transcript" : "label", " (",
               source.path, "); give a .csv, .tsv or .jsonl table with a column of sound files and one of ",
               source.targets == Targets::transcripts
                   ? "transcripts"
                   : "labels, or a folder with a folder of sounds for each class");
  return read_one_file(source, source.audio, sounds_of(source));
}

Dataset read_sound_folder(const DataSource& source) {
  if (source.targets == Targets::transcripts || source.targets == Targets::numbers)
    fail_input("a folder of sounds says their classes, not their ",
               source.targets == Targets::numbers ? "numbers" : "transcripts", " (", source.path,
               "); give a .csv, .tsv or .jsonl table, or put it there as metadata.csv");
  return read_class_folders(source, kSoundFiles, source.audio, sounds_of(source));
}

}  // namespace thaw
