// The lines of metrics.jsonl: one for each update, one for each evaluation.
#pragma once

#include <cstdint>
#include <string>

#include "finetune/train/listener.h"
#include "finetune/train/run_sink.h"

namespace thaw {

// {"step","epoch","loss","lr","phase"}: step from 1, epoch completed as a fraction, the loss before the update, phase
// from 0.
std::string update_line(std::int64_t step, std::int64_t updates_per_epoch, double loss, double lr, int phase);
// {"step","split","phase", and each metric}
std::string evaluation_line(std::int64_t step, const std::string& split, const Metrics& metrics, int phase);

class MetricsLog : public TrainListener {
 public:
  explicit MetricsLog(RunSink& sink) : sink_(sink) {}

  void update_ends(const Moment& now) override;
  void evaluated(const Moment& now, const Metrics& metrics) override;

 private:
  RunSink& sink_;
};

}  // namespace thaw
