// Sound files: what they are, and their samples as one channel. WAV of 16-bit PCM is read here (wav.h). Every other
// kind (FLAC, Ogg, MP3, AIFF, WAV of other encodings) takes a build with libsndfile (libsndfile.h).
//
// Files come from elsewhere, so a header is believed only as far as the file goes: InputError, in one line with the
// path, for a file that is missing, empty, damaged, shorter than it says, beyond the limits below, or not a sound.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace thaw {

// One frame is one value of each channel.
struct SoundInfo {
  std::int64_t frames = 0;
  std::int64_t rate = 0;  // frames a second
  std::int64_t channels = 0;
};

struct Sound {
  std::vector<float> samples;  // the mean of the channels; full scale is -1 to 1
  std::int64_t rate = 0;       // samples a second
};

inline constexpr std::int64_t kMostFrames = std::int64_t{1} << 30;  // six hours at 48,000 a second
inline constexpr std::int64_t kMostChannels = 256;
inline constexpr std::int64_t kMostRate = 768000;

inline constexpr std::int64_t kLargestSound = std::int64_t{1} << 32;  // bytes of a file

// From the header alone. Only a file whose header does not say how many frames follow is read to its end.
SoundInfo read_sound_info(const std::string& path);

Sound read_sound(const std::string& path);

// Whether an Ogg file holds recordings one after another, of which read_sound() gives the first: a stream begins behind the
// data of one (RFC 3533, section 4).
bool is_chained_ogg(std::string_view bytes);

// Refuses a file with fewer frames than its header says.
void check_all_there(std::int64_t there, std::int64_t frames, const std::string& path);

}  // namespace thaw
