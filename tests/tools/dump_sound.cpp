// What a sound file becomes, for golden/check_sounds.py.
//   dump_sound FILE [--mels M] [--whole]    log-mel features of its first 30 s, at 16,000 Hz: [frames, M] (M: 80)
//   dump_sound FILE --rate R                its samples at that rate
//   dump_sound FILE --times N               milliseconds that reading, resampling and features took, N times, as text
// Prints 32-bit floats, little-endian.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "finetune/data/sound/log_mel.h"
#include "finetune/data/sound/resample.h"
#include "finetune/data/sound/sound_file.h"

namespace {

struct Arguments {
  const char* file = nullptr;
  std::int64_t rate = 0, times = 0;
  thaw::LogMelOptions features;
  bool whole = false;
};

Arguments parse(int count, char** words) {
  Arguments out;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    const bool has_value = word == "--rate" || word == "--mels" || word == "--times";
    const std::int64_t value = has_value && i + 1 < count ? std::atoll(words[++i]) : 0;
    if (has_value && value < 1) throw std::runtime_error("a number of at least 1 belongs behind an option");
    if (word == "--rate") out.rate = value;
    if (word == "--mels") out.features.mels = value;
    if (word == "--times") out.times = value;
    if (word == "--whole") out.whole = true;
    if (!word.starts_with("--")) out.file = words[i];
  }
  if (!out.file)
    throw std::runtime_error("usage: dump_sound FILE [--rate R | --times N | [--mels M] [--whole]]");
  return out;
}

void write(const std::vector<float>& values) {
  std::fwrite(values.data(), sizeof values[0], values.size(), stdout);
}

std::vector<float> at_rate(const thaw::Sound& sound, std::int64_t rate) {
  return thaw::resample(sound.samples, sound.rate, rate);
}

std::vector<float> clip_of(const thaw::Sound& sound, const thaw::LogMelOptions& options) {
  std::vector<float> clip = at_rate(sound, options.rate);
  clip.resize(std::min(clip.size(), static_cast<std::size_t>(options.chunk)));
  return clip;
}

void write_times(const Arguments& arguments) {
  const thaw::LogMel log_mel(arguments.features);
  using Clock = std::chrono::steady_clock;
  const auto milliseconds = [](auto duration) {
    return std::chrono::duration<double, std::milli>(duration).count();
  };
  for (std::int64_t i = 0; i < arguments.times; ++i) {
    const auto start = Clock::now();
    const thaw::Sound sound = thaw::read_sound(arguments.file);
    const auto read = Clock::now();
    const std::vector<float> clip = clip_of(sound, arguments.features);
    const auto resampled = Clock::now();
    const std::size_t values = log_mel(clip, arguments.whole).size();
    std::printf("%.3f %.3f %.3f %zu\n", milliseconds(read - start), milliseconds(resampled - read),
                milliseconds(Clock::now() - resampled), values);
  }
}

}  // namespace

int main(int count, char** words) {
  try {
    const Arguments arguments = parse(count, words);
    if (arguments.times > 0) {
      write_times(arguments);
    } else {
      const thaw::Sound sound = thaw::read_sound(arguments.file);
      if (arguments.rate > 0)
        write(at_rate(sound, arguments.rate));
      else
        write(thaw::LogMel(arguments.features)(clip_of(sound, arguments.features), arguments.whole));
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "dump_sound: error: %s\n", error.what());
    return 2;
  }
}
