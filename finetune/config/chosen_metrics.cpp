#include "finetune/config/chosen_metrics.h"

#include "core/error.h"
#include "finetune/common/text.h"

namespace thaw {

const MetricSpec& compared_metric(const Config& config) {
  const Task& task = find_task(config.data.task);
  return task.metric(!config.compare.metric.empty() ? config.compare.metric : task.main_metric());
}

void check_compared_metric(const Config& config, const PreparedData& data) {
  const auto check = [&](const Dataset& part, const std::string& name) {
    if (part.size() > 0) check_defined(compared_metric(config), "compare.metric", part, name);
  };
  check(data.test, "the test data");
  check(data.validation, "the validation data");
  for (const ShiftedData& shifted : data.shifted)
    check(shifted.data, "the shifted data " + in_quotes(shifted.name));
  if (config.compare.training_score) check(data.train, "the training samples");
}

void check_monitors(const Config& config, const Plan& plan, const Dataset& validation) {
  if (validation.size() == 0) return;
  const auto check = [&](const std::string& monitor, const std::string& key) {
    const std::string name = monitor.substr(std::string("validation_").size());
    check_defined(find_task(config.data.task).metric(name), key, validation, "the validation data");
  };
  check(config.train.monitor, "train.monitor");
  for (const Phase& phase : plan.phases)
    if (phase.at.kind == PhaseStart::Kind::plateau) check(phase.at.metric, "a phase's plateau");
}

}  // namespace thaw
