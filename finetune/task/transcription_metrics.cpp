#include "finetune/task/transcription_metrics.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <sstream>
#include <utility>

#include "core/autograd.h"
#include "core/ops.h"
#include "finetune/common/plain_text.h"
#include "finetune/common/statistics.h"
#include "finetune/common/utf8.h"
#include "finetune/data/readers/transcripts.h"
#include "kernels/ctc.h"

namespace thaw {
namespace {

std::vector<char32_t> characters_of(const std::string& text) {
  std::vector<char32_t> characters;
  for (const char* at = text.data(); at < text.data() + text.size();) characters.push_back(next_scalar(at));
  return characters;
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

// Levenshtein's distance, a row of the table at a time.
template <class T>
double edits(const std::vector<T>& from, const std::vector<T>& to) {
  std::vector<std::int64_t> distance(to.size() + 1);
  std::iota(distance.begin(), distance.end(), 0);
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::int64_t diagonal = std::exchange(distance[0], static_cast<std::int64_t>(i) + 1);
    for (std::size_t j = 0; j < to.size(); ++j) {
      const std::int64_t replaced = diagonal + (from[i] == to[j] ? 0 : 1);
      diagonal = distance[j + 1];
      distance[j + 1] = std::min({replaced, distance[j] + 1, distance[j + 1] + 1});
    }
  }
  return static_cast<double>(distance.back());
}

// sum(x) / sum(n) over the samples; with r for that, the influence of one is (x - r n) / mean(n). Where all n are 0, as plain
// texts of signs alone are empty, the mean of x.
Scored ratio_of_sums(const std::vector<double>& x, const std::vector<double>& n) {
  const double mean_n = mean(n) > 0 ? mean(n) : 1, ratio = mean(x) / mean_n;
  Scored scored{ratio, {}};
  for (std::size_t i = 0; i < x.size(); ++i) scored.scores.push_back(ratio + (x[i] - ratio * n[i]) / mean_n);
  return scored;
}

template <class Split>
Scored error_rate(const Outputs& outputs, const Dataset& data, const Split& split) {
  std::vector<double> errors, units;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const auto right = split(data[i].transcript);
    errors.push_back(edits(split(written_text(outputs, i, data.classes)), right));
    units.push_back(static_cast<double>(right.size()));
  }
  return ratio_of_sums(errors, units);
}

}  // namespace

std::string written_text(const Outputs& outputs, std::int64_t sample,
                         const std::vector<std::string>& classes) {
  if (!outputs.texts.empty()) return outputs.texts[static_cast<std::size_t>(sample)];
  std::vector<std::int64_t> path;
  for (const float* row = outputs.row(sample); row < outputs.row(sample + 1); row += outputs.columns)
    path.push_back(std::max_element(row, row + outputs.columns) - row);
  return text_of_path(path, classes);
}

Scored transcription_loss(const Outputs& outputs, const Dataset& data) {
  if (!outputs.texts.empty()) {
    std::vector<double> losses, tokens;
    for (std::int64_t i = 0; i < data.size(); ++i) {
      losses.push_back(outputs.row(i)[0]);
      tokens.push_back(outputs.row(i)[1]);
    }
    return ratio_of_sums(losses, tokens);
  }
  const NoGrad no_grad;
  std::vector<std::int64_t> places, targets, lengths;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const std::vector<std::int64_t>& own = data[i].characters;
    places.push_back(outputs.rows(i));
    targets.insert(targets.end(), own.begin(), own.end());
    lengths.push_back(static_cast<std::int64_t>(own.size()));
  }
  const auto indices = [](const std::vector<std::int64_t>& values) {
    return from_data(values.data(), {static_cast<std::int64_t>(values.size())});
  };
  const Tensor logits = from_data(outputs.values.data(), {outputs.first_row(data.size()), outputs.columns});
  const Tensor losses = ctc_loss(logits, indices(places), indices(targets), indices(lengths),
                                 {.zero_infinity = true, .reduction = Reduction::none});
  // Of a sound that is too short for its transcript there is no loss.
  std::vector<double> each, counts;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const std::vector<std::int64_t>& own = data[i].characters;
    const bool counted = outputs.rows(i) >= least_ctc_frames(own);
    const auto units = static_cast<double>(std::max<std::size_t>(1, own.size()));
    each.push_back(counted ? losses.data<float>()[i] / units : 0);
    counts.push_back(counted ? 1 : 0);
  }
  return ratio_of_sums(each, counts);
}

Scored character_error_rate(const Outputs& outputs, const Dataset& data) {
  return error_rate(outputs, data, characters_of);
}

Scored word_error_rate(const Outputs& outputs, const Dataset& data) {
  return error_rate(outputs, data, words_of);
}

Scored plain_character_error_rate(const Outputs& outputs, const Dataset& data) {
  return error_rate(outputs, data, [](const std::string& text) { return characters_of(plain_text(text)); });
}

Scored plain_word_error_rate(const Outputs& outputs, const Dataset& data) {
  return error_rate(outputs, data, [](const std::string& text) { return words_of(plain_text(text)); });
}

}  // namespace thaw
