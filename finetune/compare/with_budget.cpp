#include "finetune/compare/with_budget.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/common/units.h"
#include "finetune/train/ledger.h"
#include "finetune/train/run_setup.h"

namespace thaw {
namespace {

constexpr double kMostEpochs = 10;       // of a run to convergence, in those of [train]
constexpr std::int64_t kPatience = 5;    // evaluations
constexpr double kShareToMeasure = 0.1;  // of the budget: a run of this length says how fast the rest is

Config with_steps(Config config, std::int64_t steps) {
  config.train.steps = steps;
  return config;
}

// What a run of so many updates would cost, without running it.
class Predictor {
 public:
  Predictor(const Config& config, const ModelSource& source, const PreparedData& data)
      : config_(config), source_(source), data_(data), run_(set_up_run(config, source, data)) {}

  Ledger ledger(std::int64_t updates) const {
    const Config config = with_steps(config_, updates);
    RunSetup setup = set_up_run(config, source_, data_);
    setup.is_one_of_many = true;
    return setup.predicted(config, data_.train);
  }

  double flops(std::int64_t updates) const {
    double total = 0;
    for (const LedgerPhase& row : ledger(updates).phases)
      total += flops_of(row, samples_before(row.end) - samples_before(row.begin), whole_update());
    return total;
  }

  double bytes() const {
    std::int64_t most = 0;
    for (const LedgerPhase& row : ledger(run_.plan.run().total_updates).phases)
      most = std::max(
          most, row.predicted.saved_bytes + row.predicted.gradient_bytes + row.predicted.optimizer_bytes);
    return static_cast<double>(most);
  }

  std::int64_t updates_per_epoch() const { return run_.plan.run().updates_per_epoch; }

 private:
  // Samples of an update, but for an epoch's last one, which may have fewer.
  std::int64_t whole_update() const {
    return std::min(run_.batches.batch_size() * config_.train.accumulation, data_.train.size());
  }
  std::int64_t samples_before(std::int64_t update) const {
    const std::int64_t per_epoch = updates_per_epoch(), samples = data_.train.size();
    return update / per_epoch * samples + std::min(update % per_epoch * whole_update(), samples);
  }

  const Config& config_;
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

// Runs that double in length until one is long enough to tell seconds per FLOP; the plan stretches to each,
// so that all of its phases are in the measure.
Config within_seconds(const Config& config, const ModelSource& source, double seconds,
                      const PreparedData& data, const Measure& measure) {
  const Predictor predictor(config, source, data);
  for (std::int64_t steps = predictor.updates_per_epoch();; steps *= 2) {
    const RunResult outcome = measure(with_steps(config, steps), source);
    const bool is_long_enough = outcome.train_seconds >= kShareToMeasure * seconds;
    if (!is_long_enough && outcome.status == RunStatus::ok && steps < kMostUpdates / 2) continue;
    const double per_flop =
        outcome.train_seconds / predictor.flops(std::max<std::int64_t>(outcome.completed, 1));
    return with_steps(config, updates_for(seconds / per_flop, [&](auto n) { return predictor.flops(n); }));
  }
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
    train.batch_size = (train.batch_size + 1) / 2;
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
                   const Measure& measure) {
  switch (budget.kind) {
    case Budget::Kind::epochs:
      return config;
    case Budget::Kind::seconds:
      return within_seconds(config, source, budget.amount, data, measure);
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
