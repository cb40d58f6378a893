#include "finetune/data/readers/digits.h"

#include <array>
#include <cassert>
#include <memory>
#include <string_view>

#include "core/error.h"
#include "finetune/data/numbers.h"
#include "finetune/data/readers/labels.h"

namespace thaw {
namespace {

constexpr std::string_view kAlphabet =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+";
constexpr std::string_view kDigits[] = {
#include "finetune/data/readers/digits.inc"
};
constexpr size_t kPixels = 64;
constexpr int kLevels = 17;
constexpr float kWhite = 16.0f;

// 64 pixels, the label, and one value that only fills up.
using PackedSample = std::array<int, kPixels + 2>;

PackedSample unpack(std::string_view text) {
  assert(text.size() == 2 * PackedSample().size() / 3);
  PackedSample values;
  for (size_t i = 0; i < values.size(); i += 3) {
    const size_t low = kAlphabet.find(text[2 * i / 3]), high = kAlphabet.find(text[2 * i / 3 + 1]);
    const int number = static_cast<int>(low + kAlphabet.size() * high);
    values[i] = number % kLevels;
    values[i + 1] = number / kLevels % kLevels;
    values[i + 2] = number / (kLevels * kLevels);
  }
  return values;
}

}  // namespace

Dataset read_digits(const DataSource& source) {
  Dataset data;
  std::vector<float> pixels;
  std::vector<std::string> labels;
  for (std::string_view text : kDigits) {
    const PackedSample values = unpack(text);
    for (size_t i = 0; i < kPixels; ++i) pixels.push_back(static_cast<float>(values[i]) / kWhite);
    labels.push_back(std::to_string(values[kPixels]));
    data.samples.push_back({.id = data.size()});
  }
  data.inputs = std::make_shared<const Numbers>(std::vector<int64_t>{1, 8, 8}, std::move(pixels));
  if (source.targets == Targets::none) return data;
  return with_labels(std::move(data), labels, source,
                     [&](int64_t row) { return concat(source.path, ", image ", row + 1); });
}

}  // namespace thaw
