#include "finetune/task/regression.h"

#include <cmath>

#include "core/error.h"
#include "core/ops.h"
#include "finetune/common/statistics.h"
#include "finetune/common/units.h"
#include "finetune/task/regression_metrics.h"

namespace thaw {
namespace {

class Regression final : public Task {
 public:
  const char* name() const override { return "regression"; }
  Targets targets() const override { return Targets::numbers; }
  std::int64_t outputs(const Dataset&) const override { return 1; }

  // Targets may be taken as they are, and a network's output begins near 0: what lies far off takes many
  // updates.
  Notes look_at(const Dataset& train, const std::string&, bool) const override {
    constexpr double kLarge = 20;
    const std::vector<double> targets = train.target_values();
    const double center = mean(targets);
    double squares = 0;
    for (const double target : targets) squares += (target - center) * (target - center);
    const double deviation = std::sqrt(squares / static_cast<double>(targets.size()));
    if (std::abs(center) < kLarge && deviation < kLarge) return {};
    return {{concat("warning: the targets have a mean of ", short_number(center),
                    " and a standard deviation of ", short_number(deviation),
                    ": as they are they take long to learn; data.standardize_target = true helps")},
            {}};
  }

  Tensor loss(const Tensor& output, const Batch& batch, const LossOptions&) const override {
    return mse_loss(output.reshape({output.size(0)}), batch.target);
  }
  double loss_in_own_unit(double loss, const Dataset& data) const override {
    return loss * data.target_scale.deviation * data.target_scale.deviation;
  }

  const std::vector<MetricSpec>& metrics() const override {
    constexpr bool kHigher = true, kRelative = true;
    // name, words, higher is better, relative margin, least, most, range of scores, needs, function
    static const std::vector<MetricSpec> list = {
        {"loss", "loss", !kHigher, kRelative, 0, INFINITY, 0, Requires::nothing, squared_error},
        {"rmse", "rmse", !kHigher, kRelative, 0, INFINITY, 0, Requires::nothing, rmse},
        {"mae", "mae", !kHigher, kRelative, 0, INFINITY, 0, Requires::nothing, mae},
        {"r2", "r2", kHigher, !kRelative, -INFINITY, 1, 0, Requires::varied_targets, r2},
    };
    return list;
  }
  const char* main_metric() const override { return "rmse"; }
  std::vector<std::string> shown_metrics() const override { return {"loss", "rmse", "r2"}; }

  std::vector<float> constant_output(const Dataset& train) const override {
    return {static_cast<float>(mean(train.target_values()))};
  }
  const char* about_constant() const override { return "the mean of the training targets"; }

  Tensor probe_targets(const Dataset& data) const override {
    return from_vector(data.target_values(), {data.size(), 1}, {DType::f64});
  }
  Tensor probe_loss(const Tensor& y, const Tensor& targets, const Tensor&) const override {
    return mse_loss(y, targets) * 0.5;
  }
  std::string about_probe(bool) const override { return "ridge regression"; }

  Fields prediction(const Outputs& outputs, std::int64_t sample, const std::vector<std::string>&,
                    bool) const override {
    return {{"value", outputs.row(sample)[0]}};
  }
};

}  // namespace

const Task& regression() {
  static const Regression task;
  return task;
}

}  // namespace thaw
