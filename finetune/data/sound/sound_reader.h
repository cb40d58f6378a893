// A sound file, open at its first frame: what the readers of the kinds (wav.h, libsndfile.h) have in common, and all
// that sound_file.h's functions see of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace thaw {

class SoundReader {
 public:
  virtual ~SoundReader() = default;

  // The mean of the channels of each of the next `count` frames. Gives how many there were; fewer only at the end.
  virtual std::size_t read(float* to, std::size_t count) = 0;

  std::int64_t rate = 0, channels = 0;
  std::optional<std::int64_t> frames;  // nothing where the header does not say
};

}  // namespace thaw
