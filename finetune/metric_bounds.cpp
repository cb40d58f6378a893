#include "finetune/metric_bounds.h"

#include <algorithm>
#include <initializer_list>

namespace thaw {
namespace {

bool ends_in_one_of(const std::string& name, std::initializer_list<const char*> endings) {
  return std::any_of(endings.begin(), endings.end(),
                     [&](const char* ending) { return name.ends_with(ending); });
}

}  // namespace

Bounds metric_bounds(const std::string& metric) {
  if (ends_in_one_of(metric, {"accuracy", "macro_f1", "auc", "calibration_error", "neighbours_kept"}))
    return {0, 1};
  if (ends_in_one_of(metric, {"rmse", "mae", "loss"})) return {0, INFINITY};
  if (metric.ends_with("r2")) return {-INFINITY, 1};
  return {};
}

Bounds difference_bounds(const std::string& metric) {
  const Bounds bounds = metric_bounds(metric);
  if (!bounds.both()) return {};
  return {bounds.low - bounds.high, bounds.high - bounds.low};
}

}  // namespace thaw
