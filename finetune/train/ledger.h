// The ledger: what each phase of a run costs, predicted and measured, so that a frozen layer's saving is a
// number.
//
// A prediction comes from running the real step of the real model on the meta device, where kernels count
// FLOPs and bytes instead of computing; no formula is written a second time. A measurement observes the same
// step on the CPU.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/trace.h"
#include "finetune/data/batch.h"
#include "finetune/train/prefix_plan.h"
#include "finetune/train/step.h"
#include "kernels/kernel.h"
#include "kernels/memory.h"
#include "nn/module.h"

namespace thaw {

// Cost of one update, by section (core/trace.h).
struct StepCost {
  std::array<double, kSections> flops{};
  std::array<double, kSections> seconds{};  // of kernels; zero in a prediction without Calibration
  std::vector<std::array<double, kSections>> group_flops;  // per group of the model
  std::vector<std::array<double, kSections>> group_seconds;
  std::int64_t saved_bytes = 0;     // peak of saved activations
  std::int64_t gradient_bytes = 0;  // of parameters' gradients
  std::int64_t optimizer_bytes = 0;
  double update_seconds = 0;  // wall clock, with what is between kernels; zero where it was not timed
  double total_flops() const;
};

// Counts the kernels that this thread runs while it lives, and passes each on to `listener` if there is one.
class StepObserver : public KernelObserver {
 public:
  explicit StepObserver(const Model& model, KernelObserver* listener = nullptr);
  ~StepObserver() override;
  void on_kernel(const KernelEvent& event) override;
  // With the memory that the step has left and peaked at on `device`.
  StepCost finish(Device device) const;

 private:
  std::size_t group_of_scope(int scope);

  const Model& model_;
  KernelObserver* listener_;
  KernelObserver* previous_;
  StepCost cost_;
  std::vector<int> scope_groups_;  // by scope id; -2: not asked yet
};

// Why backward still reaches below the frozen groups, or why a frozen part saves nothing: names the
// parameter. Empty where freezing saves all that it can.
std::string blocking_parameter(const ResolvedPlan& plan, int phase);

struct LedgerPhase {
  int phase = 0;
  std::int64_t begin = 0, end = 0;  // updates begin + 1 ... end
  std::int64_t trainable = 0, parameters = 0;
  PrefixPhase prefix;           // what comes from the prefix cache; it is no part of an update's cost
  std::vector<int> recomputed;  // groups whose forward pass backward runs again, so that less is kept
  std::int64_t peak_bytes = 0;  // that an update of the longest samples allocates beside the weights, but for
                                // what kernels use for themselves
  std::int64_t kept_bytes = 0;  // of that update: saved activations, gradients and optimizer state
  StepCost predicted;           // of an update of mean batches
  std::int64_t observed = 0;    // the update of the phase that is observed, from 0
  StepCost predicted_observed;  // of that one: it costs just as much, but for seconds
  StepCost measured;            // of that one; all zero where it was not observed
  bool was_measured = false;
  double seconds = 0;            // of the phase's training updates, wall clock
  double predicted_seconds = 0;  // the same, where a Calibration has said so
  std::string blocked_by;        // see blocking_parameter()
  double blocked_flops = 0;      // that an update would save if the parameter's group were frozen too
};

struct Ledger {
  std::vector<std::string> groups;
  std::vector<LedgerPhase> phases;
};

// The whole run's predictions, a row per segment of the plan. `model`: on the meta device, with the
// strategy's adapters; its switches are left as the last segment has them. `many_runs`: see plan_prefixes().
Ledger predict_ledger(const Config& config, Model& model, const Strategy& strategy, const ResolvedPlan& plan,
                      const Dataset& data, const Triggers& triggers = {}, bool many_runs = false);

// What the first `completed` updates of a run cost within a row: its updates, and the entries of the prefix cache that it
// computes. A partial update costs its share of a whole one.
double flops_of(const LedgerPhase& row, const BatchPlan& batches, std::int64_t completed);

// Of all phases; 0 where no Calibration has said so.
double predicted_seconds(const Ledger& ledger);

// Whether what it measured is of a model with these groups.
bool fits(const Ledger& measured, const std::vector<std::string>& groups);

// `next` (new predictions) with the measurements and seconds that `before` had for the same phases.
Ledger with_measurements(Ledger next, const Ledger& before);

// Elements that some phase of the ledger trains.
std::int64_t trained_elements(const Ledger& ledger, const ResolvedPlan& plan);

}  // namespace thaw
