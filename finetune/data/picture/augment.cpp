#include "finetune/data/picture/augment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <numbers>
#include <utility>

namespace thaw {
namespace {

// The random numbers of one sample's picture, one after the other.
class Draws {
 public:
  Draws(RandomKey key, std::int64_t sample) : key_(key), counter_(static_cast<std::uint64_t>(sample) << 8) {}

  std::int64_t below(std::int64_t n) {
    return static_cast<std::int64_t>(random_below(key_, counter_++, static_cast<std::uint64_t>(n)));
  }
  double between(double least, double most) {
    constexpr std::int64_t kSteps = std::int64_t{1} << 24;
    return least + (most - least) * static_cast<double>(below(kSteps)) / static_cast<double>(kSteps - 1);
  }
  // Either sign of it.
  double signed_value(double size) { return below(2) == 0 ? size : -size; }

 private:
  RandomKey key_;
  std::uint64_t counter_;
};

std::uint8_t clipped(double value) { return static_cast<std::uint8_t>(std::clamp(value, 0.0, 255.0)); }

// From `away` (factor 0) by way of the picture (1) and beyond; rounded to 0.
Picture blended(const Picture& away, Picture picture, double factor) {
  for (std::size_t i = 0; i < picture.pixels.size(); ++i)
    picture.pixels[i] = clipped(away.pixels[i] + factor * (picture.pixels[i] - away.pixels[i]));
  return picture;
}

// Each channel's values by a table of its own, made of how often each value is there.
template <class MakeTable>
Picture mapped_by_counts(Picture picture, const MakeTable& make_table) {
  for (std::int64_t c = 0; c < picture.channels; ++c) {
    std::array<std::int64_t, 256> counts{};
    const auto each = static_cast<std::size_t>(picture.channels);
    for (auto i = static_cast<std::size_t>(c); i < picture.pixels.size(); i += each)
      ++counts[picture.pixels[i]];
    const std::array<std::uint8_t, 256> table = make_table(counts);
    for (auto i = static_cast<std::size_t>(c); i < picture.pixels.size(); i += each)
      picture.pixels[i] = table[picture.pixels[i]];
  }
  return picture;
}

Picture smoothed(const Picture& picture) {
  Picture out = picture;
  const std::int64_t c = picture.channels;
  for (std::int64_t y = 1; y + 1 < picture.height; ++y)
    for (std::int64_t x = c; x + c < picture.width * c; ++x) {
      int sum = 4 * picture.row(y)[x];
      for (std::int64_t dy = -1; dy <= 1; ++dy)
        for (std::int64_t dx = -c; dx <= c; dx += c) sum += picture.row(y + dy)[x + dx];
      out.row(y)[x] = static_cast<std::uint8_t>((2 * sum + 13) / 26);
    }
  return out;
}

// The largest strengths of RandAugment's operations, as in torchvision; of magnitude m they take m / 30.
constexpr double kMagnitude = 9.0 / 30, kShear = 0.3, kShift = 150.0 / 331, kTurn = std::numbers::pi / 6,
                 kEnhance = 0.9;
constexpr int kMostBitsLost = 4, kOperations = 2;

Picture sheared(const Picture& picture, Draws& draws, bool along_x) {
  const double by = draws.signed_value(kShear * kMagnitude);
  return along_x ? transformed(picture, 1, by, 0, 0, 1, 0) : transformed(picture, 1, 0, 0, by, 1, 0);
}

Picture shifted(const Picture& picture, Draws& draws, bool along_x) {
  const double side = static_cast<double>(along_x ? picture.width : picture.height);
  const double by = draws.signed_value(std::floor(kShift * kMagnitude * side));
  return along_x ? transformed(picture, 1, 0, by, 0, 1, 0) : transformed(picture, 1, 0, 0, 0, 1, by);
}

Picture rotated(const Picture& picture, Draws& draws) {
  const double angle = draws.signed_value(kTurn * kMagnitude);
  return transformed(picture, std::cos(angle), -std::sin(angle), 0, std::sin(angle), std::cos(angle), 0);
}

double enhancement(Draws& draws) { return 1 + draws.signed_value(kEnhance * kMagnitude); }

using Operation = Picture (*)(const Picture&, Draws&);
constexpr Operation kRandAugment[] = {
    [](const Picture& p, Draws&) { return p; },
    [](const Picture& p, Draws& draws) { return sheared(p, draws, true); },
    [](const Picture& p, Draws& draws) { return sheared(p, draws, false); },
    [](const Picture& p, Draws& draws) { return shifted(p, draws, true); },
    [](const Picture& p, Draws& draws) { return shifted(p, draws, false); },
    [](const Picture& p, Draws& draws) { return rotated(p, draws); },
    [](const Picture& p, Draws& draws) { return with_brightness(p, enhancement(draws)); },
    [](const Picture& p, Draws& draws) { return with_saturation(p, enhancement(draws)); },
    [](const Picture& p, Draws& draws) { return with_contrast(p, enhancement(draws)); },
    [](const Picture& p, Draws& draws) { return with_sharpness(p, enhancement(draws)); },
    [](const Picture& p, Draws&) {
      return posterized(p, 8 - static_cast<int>(std::lround(kMostBitsLost * kMagnitude)));
    },
    [](const Picture& p, Draws&) {
      return solarized(p, static_cast<int>(std::lround(255 * (1 - kMagnitude))));
    },
    [](const Picture& p, Draws&) { return with_full_contrast(p); },
    [](const Picture& p, Draws&) { return equalized(p); },
};

Picture by_randaugment(Picture picture, Draws& draws) {
  for (int i = 0; i < kOperations; ++i)
    picture = kRandAugment[draws.below(std::ssize(kRandAugment))](picture, draws);
  return picture;
}

Picture moved(const Picture& picture, Draws& draws) {
  const std::int64_t x = picture.width / 8, y = picture.height / 8;
  const std::int64_t left = draws.below(2 * x + 1) - x, top = draws.below(2 * y + 1) - y;
  return window(picture, left, top, picture.width, picture.height);
}

Picture jittered(Picture picture, Draws& draws) {
  constexpr double kLeast = 0.6, kMost = 1.4;
  picture = with_brightness(std::move(picture), draws.between(kLeast, kMost));
  picture = with_contrast(std::move(picture), draws.between(kLeast, kMost));
  return with_saturation(std::move(picture), draws.between(kLeast, kMost));
}

Picture changed(Picture picture, Augmentation change, Draws& draws) {
  switch (change) {
    case Augmentation::flip:
      return draws.below(2) == 0 ? picture : mirrored(picture);
    case Augmentation::crop:
      return moved(picture, draws);
    case Augmentation::color:
      return jittered(std::move(picture), draws);
    case Augmentation::randaugment:
      return by_randaugment(std::move(picture), draws);
  }
  return picture;
}

}  // namespace

const std::vector<std::string>& names_of(Augmentation) {
  static const std::vector<std::string> names = {"flip", "crop", "color", "randaugment"};
  return names;
}

Picture augmented(Picture picture, const std::vector<Augmentation>& changes, RandomKey key,
                  std::int64_t sample) {
  Draws draws(key, sample);
  for (const Augmentation change : changes) picture = changed(std::move(picture), change, draws);
  return picture;
}

Picture with_brightness(Picture picture, double factor) {
  const Picture away = black_picture(picture.width, picture.height, picture.channels);
  return blended(away, std::move(picture), factor);
}

Picture with_contrast(Picture picture, double factor) {
  Picture away = with_channels(picture, 1);
  double sum = 0;
  for (const std::uint8_t value : away.pixels) sum += value;
  const auto mean = static_cast<std::uint8_t>(std::lround(sum / static_cast<double>(away.pixels.size())));
  std::fill(away.pixels.begin(), away.pixels.end(), mean);
  away = with_channels(std::move(away), picture.channels);
  return blended(away, std::move(picture), factor);
}

Picture with_saturation(Picture picture, double factor) {
  const Picture away = with_channels(with_channels(picture, 1), picture.channels);
  return blended(away, std::move(picture), factor);
}

Picture with_sharpness(Picture picture, double factor) {
  const Picture away = smoothed(picture);
  return blended(away, std::move(picture), factor);
}

Picture posterized(Picture picture, int bits) {
  const auto kept = static_cast<std::uint8_t>(0xFF << (8 - bits));
  for (std::uint8_t& value : picture.pixels) value &= kept;
  return picture;
}

Picture solarized(Picture picture, int threshold) {
  for (std::uint8_t& value : picture.pixels)
    if (value >= threshold) value = static_cast<std::uint8_t>(255 - value);
  return picture;
}

Picture with_full_contrast(Picture picture) {
  return mapped_by_counts(std::move(picture), [](const std::array<std::int64_t, 256>& counts) {
    const auto is_there = [](std::int64_t count) { return count > 0; };
    const auto least = std::find_if(counts.begin(), counts.end(), is_there) - counts.begin();
    const auto most = counts.rend() - std::find_if(counts.rbegin(), counts.rend(), is_there) - 1;
    std::array<std::uint8_t, 256> table;
    for (std::ptrdiff_t value = 0; value < 256; ++value)
      table[static_cast<std::size_t>(value)] =
          most <= least
              ? static_cast<std::uint8_t>(value)
              : clipped(static_cast<double>(value - least) * 255 / static_cast<double>(most - least));
    return table;
  });
}

Picture equalized(Picture picture) {
  return mapped_by_counts(std::move(picture), [](const std::array<std::int64_t, 256>& counts) {
    std::array<std::uint8_t, 256> table;
    std::int64_t all = 0, last = 0, kinds = 0;
    for (const std::int64_t count : counts)
      if (count > 0) all += count, last = count, ++kinds;
    const std::int64_t step = (all - last) / 255;
    std::int64_t sum = step / 2;
    for (std::size_t value = 0; value < table.size(); ++value) {
      const bool stays = kinds <= 1 || step == 0;
      table[value] = static_cast<std::uint8_t>(stays ? static_cast<std::int64_t>(value)
                                                     : std::min<std::int64_t>(sum / step, 255));
      sum += counts[value];
    }
    return table;
  });
}

Picture transformed(const Picture& picture, double a, double b, double c, double d, double e, double f) {
  Picture out = black_picture(picture.width, picture.height, picture.channels);
  const double middle_x = static_cast<double>(picture.width) / 2,
               middle_y = static_cast<double>(picture.height) / 2;
  std::uint8_t* to = out.pixels.data();
  for (std::int64_t y = 0; y < picture.height; ++y)
    for (std::int64_t x = 0; x < picture.width; ++x, to += picture.channels) {
      const double from_x = static_cast<double>(x) + 0.5 - middle_x,
                   from_y = static_cast<double>(y) + 0.5 - middle_y;
      const auto old_x = static_cast<std::int64_t>(std::floor(a * from_x + b * from_y + c + middle_x));
      const auto old_y = static_cast<std::int64_t>(std::floor(d * from_x + e * from_y + f + middle_y));
      if (old_x < 0 || old_x >= picture.width || old_y < 0 || old_y >= picture.height) continue;
      std::copy_n(picture.row(old_y) + old_x * picture.channels, picture.channels, to);
    }
  return out;
}

}  // namespace thaw
