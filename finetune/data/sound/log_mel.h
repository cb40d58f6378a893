// Log-mel features, as transformers' WhisperFeatureExtractor computes them (feature_extraction_whisper.py and
// audio_utils.py of 5.24; Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022).
//
// A clip x, padded with zeros to `chunk` samples and mirrored at both ends, is cut into frames of N = `window` samples
// around each multiple of `hop`. Frame t becomes
//
//   v[n] = x[t hop - N/2 + n] hann[n]            hann[n] = (1 - cos(2 pi n / N)) / 2
//   P[k] = |sum over n of v[n] e^(-2 pi i k n / N)|^2            k = 0 .. N/2: the power near frequency k rate / N
//   M[j] = sum over k of filter_j(k rate / N) P[k]               j = 0 .. mels - 1
//   L[j] = log10(max(M[j], 1e-10))
//   y[j] = (max(L[j], largest L of the clip - 8) + 4) / 4
//
// filter_j is a triangle over f[j], f[j+1], f[j+2] of area 1 (Slaney, "Auditory Toolbox", 1998), where f are mels + 2
// frequencies from 0 to kHighest, evenly spaced on Slaney's mel scale: 3 mels for 200 Hz up to 1000 Hz, and 27 mels for
// a factor of 6.4 above.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace thaw {

// What preprocessor_config.json of a Whisper model says.
struct LogMelOptions {
  std::int64_t rate = 16000;  // sampling_rate
  std::int64_t window = 400;  // n_fft; even
  std::int64_t hop = 160;     // hop_length
  std::int64_t mels = 80;     // feature_size
  std::int64_t chunk =
      480000;  // samples of a whole context (chunk_length: 30 s); more than window / 2, at least 2 hops

  bool operator==(const LogMelOptions& other) const = default;
};

class LogMel {
 public:
  // The filters' end in Hz, which the extractor has fixed: half of 16,000.
  static constexpr double kHighest = 8000;

  explicit LogMel(const LogMelOptions& options);

  // Of a clip of so many samples, its own part of the context: 2 ceil(samples / (2 hop)), at least 2 and at most the
  // whole, chunk / hop. Whisper's encoder halves it.
  std::int64_t frames(std::int64_t samples) const;

  // [frames, mels], row-major: the first frames(samples.size()) of the context, or all. At most `chunk` samples, at
  // options().rate. May be called from several threads.
  std::vector<float> operator()(std::span<const float> samples, bool whole = false) const;

  const LogMelOptions& options() const { return options_; }

 private:
  // Of one mel: weights of the frequencies from `first` on.
  struct Filter {
    std::int64_t first = 0;
    std::vector<double> weights;
  };

  std::int64_t whole() const { return options_.chunk / options_.hop; }
  void make_tables();
  void make_filters();
  void fold(std::span<const float> samples, std::int64_t first, std::vector<double>& folded) const;
  void transform(const std::vector<double>& folded, std::vector<double>& power) const;
  void add_mels(const std::vector<double>& power, std::int64_t count, double* logs) const;

  LogMelOptions options_;
  std::int64_t row_;  // how many numbers a row of the tables has: N/2 + 1, and a zero more if that is odd
  std::vector<double> hann_;
  std::vector<double> cos_, sin_;  // [N/4 + 1, row]
  std::vector<Filter> filters_;
};

}  // namespace thaw
