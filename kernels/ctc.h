// Connectionist temporal classification: what a sequence asks of its frames.
#pragma once

#include <cstdint>
#include <span>

namespace thaw {

// Frames that the classes of a sequence take at least: one for each, and a blank between two that are equal.
inline std::int64_t least_ctc_frames(std::span<const std::int64_t> classes) {
  auto least = static_cast<std::int64_t>(classes.size());
  for (std::size_t i = 1; i < classes.size(); ++i) least += classes[i] == classes[i - 1] ? 1 : 0;
  return least;
}

}  // namespace thaw
