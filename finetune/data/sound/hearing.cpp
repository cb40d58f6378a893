#include "finetune/data/sound/hearing.h"

#include <cmath>

#include "core/error.h"
#include "nn/models/wav2vec2.h"

namespace thaw {

std::int64_t LogMelFeatures::places(std::int64_t samples) const {
  const LogMelOptions& options = log_mel_.options();
  return (whole_context_ ? options.chunk / options.hop : log_mel_.frames(samples)) / 2;
}

std::int64_t LogMelFeatures::samples(std::int64_t places) const {
  return (places - 1) * 2 * log_mel_.options().hop + 1;
}

std::string LogMelFeatures::name() const {
  const LogMelOptions& options = log_mel_.options();
  return concat(options.rate, ' ', options.window, ' ', options.hop, ' ', options.mels, ' ', options.chunk,
                ' ', whole_context_, ' ');
}

std::int64_t SampleFeatures::places(std::int64_t samples) const { return places_of_samples(wave_, samples); }

std::int64_t SampleFeatures::samples(std::int64_t places) const { return samples_of_places(wave_, places); }

std::vector<float> SampleFeatures::operator()(std::span<const float> samples) const {
  std::vector<float> values(samples.begin(), samples.end());
  if (!normalize_) return values;
  double sum = 0, squares = 0;
  for (const float value : values) sum += value;
  const double mean = sum / static_cast<double>(values.size());
  for (const float value : values) squares += (value - mean) * (value - mean);
  const double scale = 1 / std::sqrt(squares / static_cast<double>(values.size()) + 1e-7);
  for (float& value : values) value = static_cast<float>((value - mean) * scale);
  return values;
}

std::string SampleFeatures::name() const { return concat("samples ", rate_, ' ', normalize_, ' '); }

}  // namespace thaw
