#include "finetune/data/sound/sound_file.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "finetune/data/readers/input_file.h"
#include "finetune/data/sound/libsndfile.h"
#include "finetune/data/sound/sound_reader.h"
#include "finetune/data/sound/wav.h"

namespace thaw {
namespace {

// Memory is taken as the frames come, and in advance for no more than this.
constexpr std::int64_t kReservedFrames = std::int64_t{1} << 24;

// What a file is by its first bytes; empty where these are of no kind of sound that is read.
std::string kind_of_sound(std::string_view head) {
  const std::string_view form = head.size() == kWavHeadBytes ? head.substr(8) : "";
  if (form == "WAVE" && head.starts_with("RIFF")) return "WAV";
  if (form == "WAVE" && head.starts_with("RF64")) return "WAV of the form RF64";
  if (form == "WAVE" && head.starts_with("RIFX")) return "WAV of the form RIFX";
  if ((form == "AIFF" || form == "AIFC") && head.starts_with("FORM")) return "AIFF";
  if (head.starts_with("fLaC")) return "FLAC";
  if (head.starts_with("OggS")) return "Ogg";
  // The tag that most MP3 files begin with, or the eleven set bits that begin every frame of one.
  const bool is_frame = head.size() > 1 && head[0] == '\xff' && (head[1] & 0xe0) == 0xe0;
  return head.starts_with("ID3") || is_frame ? "MP3" : "";
}

void check_limits(std::int64_t rate, std::int64_t channels, std::int64_t frames, const std::string& path) {
  if (rate < 1 || rate > kMostRate)
    fail_input("a rate of ", rate, " samples a second (", path, "); 1 to ", kMostRate, " can be read");
  if (channels < 1 || channels > kMostChannels)
    fail_input(channels, " channels (", path, "); 1 to ", kMostChannels, " can be read");
  if (frames > kMostFrames)
    fail_input("a sound of more than ", kMostFrames, " frames (", path, "); cut it into clips");
  check_memory(static_cast<std::uint64_t>(frames) * sizeof(float), path);
}

std::unique_ptr<SoundReader> open_sound(const std::string& path) {
  auto file = open_input(path);
  std::array<char, kWavHeadBytes> head;
  const std::size_t size = file->read(head.data(), head.size());
  if (size == 0) fail_input("an empty file (", path, "); give a sound file, or leave it out");
  const std::string kind = kind_of_sound({head.data(), size});
  if (kind.empty())
    fail_input("not a sound file (", path, "): it begins like none; give WAV, FLAC, Ogg, MP3 or AIFF");
  std::unique_ptr<SoundReader> reader =
      kind == "WAV" ? open_wav(std::move(file), {head.data(), size}) : open_by_libsndfile(path, kind);
  check_limits(reader->rate, reader->channels, reader->frames.value_or(0), path);
  return reader;
}

// Calls use(samples, count) for one block of frames after the other, and gives the number of all.
template <class Use>
std::int64_t for_each_block(SoundReader& reader, const std::string& path, const Use& use) {
  std::array<float, 4096> block;
  std::int64_t frames = 0;
  std::size_t got = 0;
  do {
    got = reader.read(block.data(), block.size());
    use(block.data(), got);
    frames += static_cast<std::int64_t>(got);
    check_limits(reader.rate, reader.channels, frames, path);
  } while (got == block.size());
  return frames;
}

}  // namespace

bool is_chained_ogg(std::string_view bytes) {
  constexpr std::size_t kHeader = 27, kFlags = 5;
  constexpr unsigned char kBeginsStream = 2;
  bool has_data = false;
  while (bytes.size() >= kHeader && bytes.starts_with("OggS")) {
    const bool begins = (static_cast<unsigned char>(bytes[kFlags]) & kBeginsStream) != 0;
    if (begins && has_data) return true;
    has_data |= !begins;
    const std::size_t segments = static_cast<unsigned char>(bytes[kHeader - 1]);
    std::size_t page = kHeader + segments;
    if (page > bytes.size()) break;
    for (std::size_t i = 0; i < segments; ++i) page += static_cast<unsigned char>(bytes[kHeader + i]);
    bytes.remove_prefix(std::min(page, bytes.size()));
  }
  return false;
}

SoundInfo read_sound_info(const std::string& path) {
  const auto reader = open_sound(path);
  const std::int64_t frames =
      reader->frames ? *reader->frames : for_each_block(*reader, path, [](const float*, std::size_t) {});
  return {frames, reader->rate, reader->channels};
}

Sound read_sound(const std::string& path) {
  const auto reader = open_sound(path);
  Sound sound{{}, reader->rate};
  std::vector<float>& samples = sound.samples;
  samples.reserve(static_cast<std::size_t>(std::min(reader->frames.value_or(0), kReservedFrames)));
  const std::int64_t frames = for_each_block(*reader, path, [&](const float* block, std::size_t count) {
    samples.insert(samples.end(), block, block + count);
  });
  check_all_there(frames, reader->frames.value_or(0), path);
  const auto bad = std::find_if_not(samples.begin(), samples.end(), [](float x) { return std::isfinite(x); });
  if (bad != samples.end())
    fail_input("a sample that is no finite number (", path, ", frame ", bad - samples.begin() + 1,
               "); get an undamaged file");
  return sound;
}

void check_all_there(std::int64_t there, std::int64_t frames, const std::string& path) {
  if (there < frames)
    fail_input("the file ends before its ", frames, " frames (", path, "): ", there,
               " are there; get the whole file");
}

}  // namespace thaw
