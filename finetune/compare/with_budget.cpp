#include "finetune/compare/with_budget.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/common/units.h"
#include "finetune/train/calibration.h"
#include "finetune/train/ledger.h"
#include "finetune/train/run_setup.h"

namespace thaw {
namespace {

constexpr double kMostEpochs = 10;            // of a run to convergence, in those of [train]
constexpr std::int64_t kPatience = 5;         // evaluations
constexpr std::int64_t kFewestUpdates = 100;  // of a run that is calibrated
constexpr double kSecondsToCalibrate = 10, kShareToCalibrate = 0.1;  // of the budget; whichever is less

Config with_steps(Config config, std::int64_t steps) {
  config.train.steps = steps;
  return config;
}

// What a run of so many updates would cost, without running it.
class Predictor {
 public:
  Predictor(Config config, const ModelSource& source, const PreparedData& data)
      : config_(std::move(config)), source_(source), data_(data), run_(set_up_run(config_, source, data)) {}

  Ledger ledger(std::int64_t updates) const {
    const Config config = with_steps(config_, updates);
    RunSetup setup = set_up_run(config, source_, data_);
    setup.is_one_of_many = true;
    setup.calibration = run_.calibration;
    return setup.predicted(config, data_.train);
  }

  double flops(std::int64_t updates) const {
    double total = 0;
    for (const LedgerPhase& row : ledger(updates).phases) total += flops_of(row, run_.batches, updates);
    return total;
  }

  // On updates of this length, before seconds() is asked.
  void calibrate(const Calibration::Limits& limits, const StopToken* stop) {
    run_.is_one_of_many = true;
    run_.calibration = std::make_shared<const Calibration>(config_, run_, data_.train, limits, stop);
  }

  double seconds(std::int64_t updates) const { return predicted_seconds(ledger(updates)); }

  // Of an update of the longest samples, whatever train.memory says.
  double bytes() const {
    Config config = config_;
    config.train.recompute = "off";
    config.train.memory.reset();
    std::int64_t most = 0;
    for (const LedgerPhase& row : run_.predicted(config, data_.train).phases)
      most = std::max(most, row.kept_bytes);
    return static_cast<double>(most);
  }

 private:
  Config config_;
  const ModelSource& source_;
  const PreparedData& data_;
  RunSetup run_;
};

// The most updates that cost no more than `amount`, at least one.
std::int64_t updates_for(double amount, const std::function<double(std::int64_t)>& cost) {
  std::int64_t low = 1, high = 2;
  while (high < kMostUpdates && cost(high) <= amount) low = high, high = std::min(high * 2, kMostUpdates);
  if (high == kMostUpdates && cost(high) <= amount) return high;
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    (cost(middle) <= amount ? low : high) = middle;
  }
  return low;
}

Config within_seconds(const Config& config, const ModelSource& source, double seconds,
                      const PreparedData& data, const StopToken* stop) {
  // A run that is too short to try a few updates of says nothing.
  const std::int64_t updates = std::max(run_length(config.train, data).total_updates, kFewestUpdates);
  Predictor predictor(with_steps(config, updates), source, data);
  predictor.calibrate({.seconds = std::min(kSecondsToCalibrate, kShareToCalibrate * seconds)}, stop);
  if (stop_requested(stop)) return config;
  return with_steps(config, updates_for(seconds, [&](auto n) { return predictor.seconds(n); }));
}

bool has_plateau(const StrategyRequest& strategy) {
  return std::any_of(strategy.phases.begin(), strategy.phases.end(),
                     [](const Phase& phase) { return phase.at.kind == PhaseStart::Kind::plateau; });
}

// One that divides an update, if there is one of at least a quarter of the size: then as many samples are in it as before.
std::int64_t smaller_batch(std::int64_t batch, std::int64_t per_update) {
  for (std::int64_t smaller = batch - 1; smaller >= std::max<std::int64_t>(1, batch / 4); --smaller)
    if (per_update % smaller == 0) return smaller;
  return (batch + 1) / 2;
}

// Smaller batches, more of them per update.
Config within_bytes(Config config, const ModelSource& source, double bytes, const PreparedData& data) {
  TrainSection& train = config.train;
  if (train.batch_size == 0) train.batch_size = data.train.size();
  const std::int64_t per_update = train.batch_size * train.accumulation;
  for (;;) {
    const double needed = Predictor(config, source, data).bytes();
    if (needed <= bytes) return config;
    if (train.batch_size == 1)
      throw OverBudget(concat("an update needs ", bytes_text(needed), " with batches of one sample (",
                              config.strategy.name, ", budget ", bytes_text(bytes), "); give it more bytes"));
    train.batch_size = smaller_batch(train.batch_size, per_update);
    train.accumulation = (per_update + train.batch_size - 1) / train.batch_size;
  }
}

Config to_convergence(Config config) {
  TrainSection& train = config.train;
  if (train.steps > 0)
    train.steps = static_cast<std::int64_t>(kMostEpochs * static_cast<double>(train.steps));
  else
    train.epochs *= kMostEpochs;
  train.restore_best = true;
  if (train.early_stopping_patience == 0) train.early_stopping_patience = kPatience;
  return config;
}

}  // namespace

void check_budget(const Budget& budget, const Config& config, const PreparedData& data) {
  if (budget.kind == Budget::Kind::convergence &&
      (data.validation->size() == 0 || config.train.eval_every == Period{}))
    fail_input("there are no evaluations on validation data to see convergence on (", config.path,
               "); set train.eval_every and data.validation_fraction, or another compare.budget");
  if (budget.kind == Budget::Kind::convergence && config.train.eval_every.unit == Period::Unit::runs)
    fail_input("train.eval_every = ", in_quotes(to_text(config.train.eval_every)),
               " is a share of a run whose length convergence decides (", config.path,
               "); write it in epochs or steps");
}

bool changes_length(const Budget& budget) {
  return budget.kind != Budget::Kind::epochs && budget.kind != Budget::Kind::bytes;
}

std::string describe(const Budget& budget, const TrainSection& train) {
  switch (budget.kind) {
    case Budget::Kind::seconds:
      return concat(short_number(budget.amount), " seconds of training");
    case Budget::Kind::flops:
      return flops_text(budget.amount) + " of training";
    case Budget::Kind::bytes:
      return concat(
          bytes_text(budget.amount),
          " of saved activations, gradients and optimizer state in a step, as predicted; peak memory "
          "is measured and holds the batch and temporary tensors too");
    case Budget::Kind::convergence:
      return concat("until validation data show no gain in ",
                    train.early_stopping_patience > 0 ? train.early_stopping_patience : kPatience,
                    " evaluations of the last phase, at most ", kMostEpochs, " times [train]'s length");
    case Budget::Kind::epochs:
      break;
  }
  return train.steps > 0 ? concat(train.steps, " updates") : concat(short_number(train.epochs), " epochs");
}

Config with_budget(Config config, const ModelSource& source, const Budget& budget, const PreparedData& data,
                   const StopToken* stop) {
  const bool by_prediction = budget.kind == Budget::Kind::seconds || budget.kind == Budget::Kind::flops;
  if (by_prediction && has_plateau(config.strategy))
    throw OverBudget(
        concat("its plateaus come when they come, so that no budget of seconds or FLOPs can be cut for it (",
               config.strategy.name, "); use compare.budget = \"epochs\" or \"convergence\""));
  switch (budget.kind) {
    case Budget::Kind::epochs:
      return config;
    case Budget::Kind::seconds:
      return within_seconds(config, source, budget.amount, data, stop);
    case Budget::Kind::flops: {
      const Predictor predictor(config, source, data);
      if (predictor.flops(1) > budget.amount)
        throw OverBudget(concat("an update needs ", flops_text(predictor.flops(1)), " (",
                                config.strategy.name, ", budget ", flops_text(budget.amount),
                                "); give it more FLOPs"));
      return with_steps(config, updates_for(budget.amount, [&](auto n) { return predictor.flops(n); }));
    }
    case Budget::Kind::bytes:
      return within_bytes(std::move(config), source, budget.amount, data);
    case Budget::Kind::convergence:
      return to_convergence(std::move(config));
  }
  return config;
}

void copy_budget(const TrainSection& from, TrainSection& to) {
  to.epochs = from.epochs;
  to.steps = from.steps;
  to.batch_size = from.batch_size;
  to.accumulation = from.accumulation;
  to.restore_best = from.restore_best;
  to.early_stopping_patience = from.early_stopping_patience;
}

}  // namespace thaw
