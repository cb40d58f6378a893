#include "finetune/report/html/outcome.h"

#include "finetune/task/metrics.h"

namespace thaw::report {

const StrategySummary* find_summary(const CompareOutcome& outcome, const std::string& strategy) {
  for (const StrategySummary& s : outcome.summaries)
    if (s.strategy == strategy) return &s;
  return nullptr;
}

bool ended_well(const StrategySummary& summary) { return summary.runs > summary.failed; }

std::string metric_name(const std::string& metric) {
  if (metric.empty()) return "metric";
  return metric_words(metric);
}

}  // namespace thaw::report
