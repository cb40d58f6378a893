#include "finetune/task/class_weight.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/common/units.h"
#include "finetune/data/readers/labels.h"

namespace thaw {
namespace {

constexpr std::size_t kMostNamed = 10;  // in a message

std::size_t class_of(const std::string& name, const std::vector<std::string>& classes) {
  const auto place = places_of_labels({name}, classes);
  if (!place)
    fail_input("train.class_weight has ", in_quotes(name), ", which is no class; the classes are ",
               name_list(classes));
  return static_cast<std::size_t>(place->front());
}

std::vector<double> named_weights(const std::map<std::string, double>& named,
                                  const std::vector<std::string>& classes) {
  std::vector<double> weights(classes.size(), 1);
  std::vector<const std::string*> name_of(classes.size());
  for (const auto& [name, weight] : named) {
    const std::size_t c = class_of(name, classes);
    if (name_of[c] != nullptr)
      fail_input("train.class_weight has the class ", in_quotes(classes[c]), " twice, as ",
                 in_quotes(*name_of[c]), " and as ", in_quotes(name), "; name it once");
    name_of[c] = &name;
    weights[c] = weight;
  }
  return weights;
}

std::vector<double> balanced_weights(const std::vector<std::int64_t>& counts) {
  const auto samples = static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}));
  const auto occurring =
      static_cast<double>(counts.size()) - static_cast<double>(std::count(counts.begin(), counts.end(), 0));
  std::vector<double> weights;
  weights.reserve(counts.size());
  for (const std::int64_t count : counts)
    weights.push_back(count > 0 ? samples / (occurring * static_cast<double>(count)) : 1);
  return weights;
}

}  // namespace

std::vector<double> class_weights(const ClassWeights& given, const Dataset& train) {
  if (given == ClassWeights{}) return {};
  const std::vector<std::int64_t> counts = train.class_counts();
  if (given.balanced) return balanced_weights(counts);
  std::vector<double> weights = named_weights(given.of, train.classes);
  for (std::size_t c = 0; c < counts.size(); ++c)
    if (counts[c] > 0 && weights[c] > 0) return weights;
  fail_input("no training sample has a class whose weight is above 0 (train.class_weight); raise one");
}

double mean_weight(const std::vector<double>& weights, const Dataset& data,
                   const std::vector<std::vector<std::int64_t>>& rows) {
  double sum = 0, samples = 0;
  for (const std::vector<std::int64_t>& micro_batch : rows)
    for (const std::int64_t row : micro_batch) {
      sum += weights[static_cast<std::size_t>(data[row].label)];
      ++samples;
    }
  return sum / samples;
}

std::string class_weights_text(const std::vector<double>& weights, const Dataset& train) {
  std::string text;
  for (std::size_t c = 0; c < std::min(weights.size(), kMostNamed); ++c)
    text += concat(c == 0 ? "class weights: " : ", ", train.classes[c], ' ', short_number(weights[c], 4));
  return text + (weights.size() > kMostNamed ? concat(", .. (", weights.size(), " in all)") : "");
}

}  // namespace thaw
