#include "finetune/data/corrupt.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "core/error.h"
#include "core/ops.h"
#include "core/random.h"
#include "core/tensor.h"
#include "finetune/common/text.h"
#include "finetune/data/numbers.h"
#include "finetune/data/texts.h"

namespace thaw {
namespace {

// The weights of a Gaussian at distances d = 0 .. ceil(3 sigma), beyond which it is negligible:
//   weight[d] = e^(-(d / sigma)^2 / 2) / sum
// Both sides of the kernel add up to 1.
std::vector<double> half_gaussian(double deviation) {
  const auto radius = static_cast<std::int64_t>(std::ceil(3 * deviation));
  std::vector<double> weights;
  double sum = 0;
  for (std::int64_t d = 0; d <= radius; ++d) {
    const double z = static_cast<double>(d) / deviation;
    weights.push_back(std::exp(-z * z / 2));
    sum += d == 0 ? weights.back() : 2 * weights.back();
  }
  for (double& weight : weights) weight /= sum;
  return weights;
}

// `count` values `stride` apart, smoothed.
void blur_line(float* line, std::int64_t count, std::int64_t stride, const std::vector<double>& weights) {
  std::vector<double> before;
  for (std::int64_t i = 0; i < count; ++i) before.push_back(line[i * stride]);
  const auto at = [&](std::int64_t i) { return before[std::clamp<std::int64_t>(i, 0, count - 1)]; };
  for (std::int64_t i = 0; i < count; ++i) {
    double sum = weights[0] * at(i);
    for (std::int64_t d = 1; d < static_cast<std::int64_t>(weights.size()); ++d)
      sum += weights[d] * (at(i - d) + at(i + d));
    line[i * stride] = static_cast<float>(sum);
  }
}

void blur(Numbers& images) {
  const std::vector<double> weights = half_gaussian(kBlurDeviation);
  const std::int64_t height = images.shape[1], width = images.shape[2], plane = height * width;
  for (std::int64_t p = 0; p < images.size() * images.shape[0]; ++p) {
    float* pixels = images.values.data() + p * plane;
    for (std::int64_t row = 0; row < height; ++row) blur_line(pixels + row * width, width, 1, weights);
    for (std::int64_t column = 0; column < width; ++column)
      blur_line(pixels + column, height, width, weights);
  }
}

void add_noise(Numbers& images, const std::vector<Sample>& samples, const std::string& source) {
  const std::string use = "data.corrupt " + std::filesystem::path(source).filename().string();
  float* pixel = images.values.data();
  for (const Sample& sample : samples) {
    const Tensor noise = randn({images.sample_size}, random_key(0, use, sample.id), 0, kNoiseDeviation);
    const float* added = noise.data<float>();
    for (std::int64_t i = 0; i < images.sample_size; ++i, ++pixel)
      *pixel = std::clamp(*pixel + added[i], 0.0f, 1.0f);
  }
}

}  // namespace

const std::vector<std::string>& names_of(Corruption) {
  static const std::vector<std::string> names = {"", "blur", "noise", "invert"};
  return names;
}

void corrupt_images(Dataset& data, Corruption kind, const std::string& source) {
  if (kind == Corruption::none || data.size() == 0) return;
  if (data.sample_shape().size() != 3)
    fail_input("data.corrupt = ", in_quotes(names_of(kind)[static_cast<std::size_t>(kind)]),
               " is for images, these samples are ",
               find_texts(data) != nullptr ? "texts" : "rows of a table", " (", source, "); leave it out");
  if (find_numbers(data) == nullptr)
    fail_input("data.corrupt is for IDX images (", source, "), and these are picture files; leave it out");
  auto images = std::make_shared<Numbers>(numbers_of(data));
  if (kind == Corruption::blur) blur(*images);
  if (kind == Corruption::noise) add_noise(*images, data.samples, source);
  if (kind == Corruption::invert)
    for (float& pixel : images->values) pixel = 1.0f - pixel;
  data.inputs = std::move(images);
}

}  // namespace thaw
