// Metrics and confusion matrices as JSON. For the few sources that hold nlohmann/json; no other header
// includes it.
#pragma once

#include <cmath>
#include <optional>

#include "finetune/common/json.h"
#include "finetune/task/confusion.h"
#include "finetune/task/metrics.h"

namespace thaw {

// JSON has no NaN or infinity: they become null, as JavaScript writes them.
inline Json json_number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

// A number as it was written: NaN for null, and for "inf" and "-inf" what they say.
inline double read_number(const Json& json) {
  if (json == "inf" || json == "-inf") return json == "inf" ? INFINITY : -INFINITY;
  return json.is_null() ? std::nan("") : json.get<double>();
}

inline Json metrics_json(const Metrics& metrics) {
  Json json = Json::object();
  for (const auto& [name, value] : metrics) json[name] = json_number(value);
  return json;
}

// "classes", "confusion" with a row of counts for each true class and a column for each answer, and
// "per_class"; a ratio that is 0 / 0 is null.
inline Json confusion_json(const Confusion& confusion, const std::vector<std::string>& classes) {
  std::vector<std::vector<std::int64_t>> rows(classes.size(), std::vector<std::int64_t>(classes.size()));
  for (const auto& [pair, count] : confusion)
    rows[static_cast<std::size_t>(pair.first)][static_cast<std::size_t>(pair.second)] = count;
  const auto ratio = [](const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); };
  Json per_class = Json::array();
  const std::vector<ClassScore> scores = class_scores(confusion, classes.size());
  for (std::size_t c = 0; c < classes.size(); ++c)
    per_class.push_back({{"class", classes[c]},
                         {"precision", ratio(scores[c].precision)},
                         {"recall", ratio(scores[c].recall)},
                         {"f1", ratio(scores[c].f1)},
                         {"support", scores[c].support}});
  return {{"classes", classes}, {"confusion", rows}, {"per_class", per_class}};
}

}  // namespace thaw
