#include "finetune/data/picture/resize.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace thaw {
namespace {

constexpr int kPlaces = 22;  // binary places of a weight: 255 of the largest sum stay within 32 bits
constexpr std::int32_t kHalf = 1 << (kPlaces - 1);

double weight_at(ResizeFilter filter, double x) {
  x = std::abs(x);
  if (filter == ResizeFilter::bilinear) return x < 1 ? 1 - x : 0;
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

// Of each new pixel along one direction: the old ones that it is made of.
struct Weights {
  struct Span {
    std::int64_t first, count;  // old pixels
    std::size_t at;             // its first weight
  };
  std::vector<Span> spans;
  std::vector<std::int32_t> values;
};

Weights weights_of(std::int64_t old_size, std::int64_t new_size, ResizeFilter filter) {
  const double scale = static_cast<double>(old_size) / static_cast<double>(new_size);
  const double stretch = std::max(scale, 1.0);
  const double reach = (filter == ResizeFilter::bilinear ? 1 : 2) * stretch;
  Weights weights;
  std::vector<double> exact;
  for (std::int64_t i = 0; i < new_size; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const auto first = static_cast<std::int64_t>(std::max(centre - reach + 0.5, 0.0));
    const auto end =
        std::min<std::int64_t>(static_cast<std::int64_t>(std::max(centre + reach + 0.5, 0.0)), old_size);
    exact.clear();
    double sum = 0;
    for (std::int64_t j = first; j < end; ++j) {
      exact.push_back(weight_at(filter, (static_cast<double>(j) - centre + 0.5) / stretch));
      sum += exact.back();
    }
    weights.spans.push_back({first, end - first, weights.values.size()});
    for (const double weight : exact)
      weights.values.push_back(static_cast<std::int32_t>(std::lround(weight / sum * (1 << kPlaces))));
  }
  return weights;
}

std::uint8_t rounded(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kPlaces, 0, 255));
}

template <std::int64_t kChannels>
void resize_row(const std::uint8_t* from, const Weights& weights, std::uint8_t* to) {
  for (const Weights::Span& span : weights.spans) {
    std::int32_t sums[kChannels];
    std::fill_n(sums, kChannels, kHalf);
    const std::uint8_t* pixel = from + span.first * kChannels;
    const std::int32_t* weight = weights.values.data() + span.at;
    for (std::int64_t i = 0; i < span.count; ++i, pixel += kChannels)
      for (std::int64_t c = 0; c < kChannels; ++c) sums[c] += pixel[c] * weight[i];
    for (std::int64_t c = 0; c < kChannels; ++c) *to++ = rounded(sums[c]);
  }
}

Picture resize_rows(const Picture& picture, std::int64_t width, ResizeFilter filter) {
  const Weights weights = weights_of(picture.width, width, filter);
  Picture out = black_picture(width, picture.height, picture.channels);
  for (std::int64_t y = 0; y < picture.height; ++y)
    picture.channels == 1 ? resize_row<1>(picture.row(y), weights, out.row(y))
                          : resize_row<3>(picture.row(y), weights, out.row(y));
  return out;
}

Picture resize_columns(const Picture& picture, std::int64_t height, ResizeFilter filter) {
  const Weights weights = weights_of(picture.height, height, filter);
  Picture out = black_picture(picture.width, height, picture.channels);
  const std::int64_t values = picture.width * picture.channels;
  std::vector<std::int32_t> sums(static_cast<std::size_t>(values));
  for (std::int64_t y = 0; y < height; ++y) {
    const Weights::Span& span = weights.spans[static_cast<std::size_t>(y)];
    std::fill(sums.begin(), sums.end(), kHalf);
    for (std::int64_t i = 0; i < span.count; ++i) {
      const std::int32_t weight = weights.values[span.at + static_cast<std::size_t>(i)];
      const std::uint8_t* from = picture.row(span.first + i);
      for (std::int64_t x = 0; x < values; ++x) sums[static_cast<std::size_t>(x)] += from[x] * weight;
    }
    std::transform(sums.begin(), sums.end(), out.row(y), rounded);
  }
  return out;
}

}  // namespace

Picture resized(const Picture& picture, std::int64_t width, std::int64_t height, ResizeFilter filter) {
  if (width == picture.width && height == picture.height) return picture;
  if (width == picture.width) return resize_columns(picture, height, filter);
  if (height == picture.height) return resize_rows(picture, width, filter);
  const std::int64_t lost_rows = picture.height - height, lost_columns = picture.width - width;
  return lost_rows > 0 && lost_rows > 2 * lost_columns
             ? resize_rows(resize_columns(picture, height, filter), width, filter)
             : resize_columns(resize_rows(picture, width, filter), height, filter);
}

std::pair<std::int64_t, std::int64_t> with_shortest_edge(std::int64_t width, std::int64_t height,
                                                         std::int64_t edge) {
  return width <= height ? std::pair(edge, edge * height / width) : std::pair(edge * width / height, edge);
}

}  // namespace thaw
