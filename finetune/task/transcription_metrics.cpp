#include "finetune/task/transcription_metrics.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <sstream>
#include <utility>

#include "core/autograd.h"
#include "core/ops.h"
#include "finetune/common/statistics.h"
#include "finetune/common/utf8.h"
#include "finetune/data/readers/transcripts.h"

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

// A ratio of sums: with e edits and n units of a sample, r = sum(e) / sum(n); influence: (e - r n) / mean(n)
template <class Split>
Scored error_rate(const Outputs& outputs, const Dataset& data, const Split& split) {
  std::vector<double> errors, units;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const auto right = split(data[i].transcript);
    errors.push_back(edits(split(written_text(outputs, i, data.classes)), right));
    units.push_back(static_cast<double>(right.size()));
  }
  const double mean_units = mean(units), rate = mean(errors) / mean_units;
  Scored scored{rate, {}};
  for (std::size_t i = 0; i < errors.size(); ++i)
    scored.scores.push_back(rate + (errors[i] - rate * units[i]) / mean_units);
  return scored;
}

}  // namespace

std::string written_text(const Outputs& outputs, std::int64_t sample,
                         const std::vector<std::string>& classes) {
  const auto path = likeliest_path(outputs.row(sample), outputs.row(sample + 1), outputs.columns);
  return text_of_path(path, classes);
}

Scored path_loss(const Outputs& outputs, const Dataset& data) {
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
  std::vector<double> each;
  for (std::int64_t i = 0; i < data.size(); ++i)
    each.push_back(losses.data<float>()[i] /
                   static_cast<double>(std::max<std::int64_t>(1, lengths[static_cast<std::size_t>(i)])));
  return {mean(each), each};
}

Scored character_error_rate(const Outputs& outputs, const Dataset& data) {
  return error_rate(outputs, data, characters_of);
}

Scored word_error_rate(const Outputs& outputs, const Dataset& data) {
  return error_rate(outputs, data, words_of);
}

}  // namespace thaw
