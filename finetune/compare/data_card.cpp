#include "finetune/compare/data_card.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <iterator>
#include <map>
#include <set>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops.h"
#include "finetune/common/text.h"
#include "finetune/compare/baselines.h"
#include "finetune/data/numbers.h"
#include "finetune/data/split.h"
#include "finetune/data/texts.h"
#include "nn/io/sha256.h"

namespace thaw {
namespace {

// Columns of a table have units of their own: each counts by its deviation. Pixels share one.
Tensor column_scale(const Dataset& data, const Tensor& rows) {
  if (data.sample_shape().size() > 1) return ones({rows.size(1)});
  const Tensor deviation = sqrt(var(rows, {0}, 0));
  return where(gt(deviation, zeros({}, like(deviation))), reciprocal(deviation), ones(deviation.shape()));
}

// The squared distance from each of `rows` to the nearest of `known`, whose squared lengths are `lengths`.
std::vector<double> nearest(const Tensor& rows, const Tensor& known, const Tensor& lengths) {
  const Tensor squares = lengths - matmul(rows, known.transpose(0, 1)) * 2;
  const Tensor best = (amin(squares, {1}) + sum(square(rows), {1})).contiguous();
  const float* values = std::as_const(best).data<float>();
  std::vector<double> distances;
  for (std::int64_t i = 0; i < best.numel(); ++i)
    distances.push_back(std::max(static_cast<double>(values[i]), 0.0));
  return distances;
}

std::int64_t groups_on_two_sides(const PreparedData& loaded) {
  std::map<std::string, int> sides;
  for (const Dataset* part : {&loaded.train, &*loaded.validation, &*loaded.test})
    for (const std::string& group : part->groups()) ++sides[group];
  return std::count_if(sides.begin(), sides.end(), [](const auto& entry) { return entry.second > 1; });
}

std::string describe_groups(const Config& config, const PreparedData& loaded) {
  if (config.data.group.empty()) return "no group column: related rows may stand on both sides of a split";
  const std::int64_t shared = groups_on_two_sides(loaded);
  return concat("column ", in_quotes(config.data.group), ": ", loaded.train.groups().size(),
                " groups to train on, ", loaded.validation->groups().size(), " for validation, ",
                loaded.test->groups().size(), " for the test; ",
                shared == 0 ? "no group stands" : concat(shared, " stand"), " on two sides");
}

std::string describe_duplicates(const PreparedData& loaded, const NearDuplicates& near) {
  const std::size_t exact = find_duplicates(loaded.train, loaded.test).size();
  std::string text = concat(exact, " test rows stand among the training data too");
  if (near.compared == 0) return text;
  text += concat(", ", near.count, " are nearly one of them");
  if (near.compared < loaded.train.size())
    text += concat(" (of the first ", near.compared, " training rows alone)");
  return text;
}

// The words alone: letters in lower case (those of ASCII) and digits, with single spaces between.
std::string words_of(const std::string& text) {
  std::string words;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 || std::isalnum(byte) != 0)
      words += c;
    else if (!words.empty() && words.back() != ' ')
      words += ' ';
  }
  if (words.ends_with(' ')) words.pop_back();
  return lower_ascii(std::move(words));
}

std::string words_of(const Text& text) { return words_of(text.first) + '\n' + words_of(text.second); }

NearDuplicates same_words(const Texts& first, const Texts& second) {
  std::set<std::string> known;
  for (const Text& text : first.texts) known.insert(words_of(text));
  return {std::count_if(second.texts.begin(), second.texts.end(),
                        [&](const Text& text) { return known.contains(words_of(text)); }),
          first.size()};
}

}  // namespace

NearDuplicates near_duplicates(const Dataset& first, const Dataset& second, double most_pairs) {
  const std::int64_t n = first.size(), m = second.size();
  if (n == 0 || m == 0 || first.sample_shape() != second.sample_shape()) return {};
  if (find_texts(first) != nullptr) return same_words(texts_of(first), texts_of(second));
  if (find_numbers(first) == nullptr) return {};
  const NoGrad no_grad;
  constexpr std::int64_t kBlock = 256;
  const auto room = static_cast<std::int64_t>(most_pairs / static_cast<double>(m));
  const std::int64_t compared = std::clamp<std::int64_t>(room, 1, n);
  // Around the mean, so that a common offset costs no digits.
  const Tensor all = numbers_of(first).rows(0, compared);
  const Tensor centre = mean(all, {0});
  const Tensor scale = column_scale(first, all);
  const Tensor known = (all - centre) * scale;
  const Tensor lengths = sum(square(known), {1});
  std::vector<double> distances;
  for (std::int64_t begin = 0; begin < m; begin += kBlock) {
    const Tensor rows = (numbers_of(second).rows(begin, std::min(m, begin + kBlock)) - centre) * scale;
    for (const double distance : nearest(rows, known, lengths)) distances.push_back(std::sqrt(distance));
  }
  std::vector<double> apart;  // equal rows must not hide the near ones
  std::copy_if(distances.begin(), distances.end(), std::back_inserter(apart), [](double d) { return d > 0; });
  double limit = 0;
  if (!apart.empty()) {
    const auto middle = apart.begin() + static_cast<std::ptrdiff_t>(apart.size() / 2);
    std::nth_element(apart.begin(), middle, apart.end());
    limit = 0.1 * *middle;
  }
  return {std::count_if(distances.begin(), distances.end(), [limit](double d) { return d <= limit; }),
          compared};
}

DataCard make_data_card(const Config& config, const ModelSource& source, const PreparedData& loaded,
                        const PreparedData& drawn) {
  DataCard card;
  card.source = config.data.train;
  card.sample_shape = drawn.train.sample_shape();
  if (loaded.task->has_classes()) card.classes = loaded.train.classes;
  card.pool = loaded.train.size();
  card.train = drawn.train.size();
  card.validation = drawn.validation->size();
  card.test = drawn.test->size();
  card.train_counts = drawn.train.class_counts();
  card.validation_counts = drawn.validation->class_counts();
  card.test_counts = drawn.test->class_counts();
  card.groups = describe_groups(config, loaded);
  const NearDuplicates near = near_duplicates(loaded.train, loaded.test);
  card.near_duplicates = near.count;
  card.duplicates = describe_duplicates(loaded, near);
  card.pretraining = source.is_pretrained()
                         ? "the network was pretrained; whether it saw any of these data is not known to thaw"
                         : "nothing was pretrained: the network begins with random weights";
  return card;
}

std::string data_fingerprint(const PreparedData& loaded) {
  std::vector<const Dataset*> parts{&loaded.train, &*loaded.validation, &*loaded.test};
  for (const ShiftedData& shifted : loaded.shifted) parts.push_back(&*shifted.data);
  Sha256 hash;
  for (const Dataset* part : parts) {
    hash.update(content_hash(*part));
    hash_answers(*part, hash);
    for (const std::string& name : part->classes) hash.update(name + '\n');
  }
  return hash.hex();
}

std::vector<std::string> data_warnings(const DataCard& card) {
  std::vector<std::string> warnings;
  if (card.validation > card.train)
    warnings.push_back(concat("warning: choices are made on ", card.validation,
                              " validation samples, more than the ", card.train,
                              " that train: with so many labels one would train on them"));
  if (card.near_duplicates > 0)
    warnings.push_back(
        concat("warning: ", card.near_duplicates,
               card.near_duplicates == 1 ? " test row is nearly a row" : " test rows are nearly rows",
               " of the training data"));
  return warnings;
}

}  // namespace thaw
