// What a trainer tells of a run while it trains. Whoever measures, proves, logs or shows listens; nothing that a listener
// does changes what is trained.
#pragma once

#include <cstdint>

#include "finetune/plan/plan.h"
#include "finetune/task/metrics.h"
#include "nn/module.h"

namespace thaw {

// The run as it is when something happens.
struct Moment {
  const Model& model;
  const ResolvedPlan& plan;
  std::int64_t completed;    // updates
  int phase;                 // in force, from 0
  std::int64_t phase_began;  // after so many updates
  std::size_t segment;       // of the plan, in the order of the run: a row of the ledger
  double loss, lr;           // of the update at hand, or of the last one; lr before multipliers
  double seconds;            // that the last update took
  double train_seconds;      // so far
};

class TrainListener {
 public:
  virtual ~TrainListener() = default;

  virtual void phase_begins(const Moment&) {}
  virtual void phase_goes_on(const Moment&) {}  // in a run that was resumed within it
  virtual void phase_ends(const Moment&) {}

  virtual void update_begins(const Moment&) {}
  virtual void before_step(const Moment&) {}  // gradients are there, clipped
  virtual void after_step(const Moment&) {}
  virtual void step_failed(const Moment&) {}  // a loss or gradient was not finite: there is no step
  virtual void update_ends(const Moment&) {}  // `completed` counts it

  virtual void evaluated(const Moment&, const Metrics&) {}  // on the validation data
};

}  // namespace thaw
