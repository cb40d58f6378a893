#include "finetune/task/metric_bounds.h"

#include "finetune/task/task.h"

namespace thaw {

Bounds metric_bounds(const std::string& metric) {
  for (const Task* task : tasks())
    for (const MetricSpec& spec : task->metrics())
      if (metric == spec.name || metric.ends_with(std::string("_") + spec.name))
        return {spec.least, spec.most};
  if (metric == "neighbours_kept") return {0, 1};
  return {};
}

Bounds difference_bounds(const std::string& metric) {
  const Bounds bounds = metric_bounds(metric);
  if (!bounds.both()) return {};
  return {bounds.low - bounds.high, bounds.high - bounds.low};
}

}  // namespace thaw
