#include "finetune/train/metrics_log.h"

#include "finetune/common/json.h"
#include "finetune/task/metrics_json.h"

namespace thaw {

std::string update_line(std::int64_t step, std::int64_t updates_per_epoch, double loss, double lr,
                        int phase) {
  const double epoch = static_cast<double>(step) / static_cast<double>(updates_per_epoch);
  return json_line(
      Json{{"step", step}, {"epoch", epoch}, {"loss", json_number(loss)}, {"lr", lr}, {"phase", phase}});
}

std::string evaluation_line(std::int64_t step, const std::string& split, const Metrics& metrics, int phase) {
  Json json{{"step", step}, {"split", split}, {"phase", phase}};
  json.update(metrics_json(metrics));
  return json_line(json);
}

void MetricsLog::update_ends(const Moment& now) {
  sink_.append_metrics(
      update_line(now.completed, now.plan.run().updates_per_epoch, now.loss, now.lr, now.phase));
}

void MetricsLog::evaluated(const Moment& now, const Metrics& metrics) {
  sink_.append_metrics(evaluation_line(now.completed, "validation", metrics, now.phase));
}

}  // namespace thaw
