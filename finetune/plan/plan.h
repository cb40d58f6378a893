// Plan: which parameters train when, at which learning rate, as data. The state of every parameter at any
// moment is a pure function of (plan, completed updates, recorded triggers): resuming needs no memory of what
// was thawed before, a dry run needs no training, and a plot needs neither.
//
// Time is counted in completed updates: "at completed = N" is what holds for update N + 1.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "finetune/plan/model_info.h"
#include "nn/optim/optimizer.h"

namespace thaw {

// Normalisation layers of a group with nothing trainable: statistics neither updated nor replaced by the
// batch's, or as in a trainable group (what PyTorch does).
enum class FrozenNorm { still, batch };

// Dropout of a group with nothing trainable: live (what PyTorch does) or off.
enum class FrozenDropout { keep, off };

// `at` of a phase: when it begins.
struct PhaseStart {
  enum class Kind {
    step,      // amount updates were completed
    epoch,     // amount epochs were completed; fractions are allowed
    fraction,  // ceil(amount * all updates of the run) were completed
    plateau,   // `metric` did not improve in `patience` evaluations since the phase before began
  };
  Kind kind = Kind::step;
  double amount = 0;
  std::string metric;
  int patience = 0;
};

struct Phase {
  PhaseStart at;                          // without one in the config: the start
  std::string train = "all";              // selector of the whole trainable set, not an addition
  std::map<std::string, double> lr_mult;  // selector -> multiplier of the schedule; what none names has 1
  // What is not set here is the plan's.
  std::optional<StatePolicy> state;
  std::optional<std::int64_t> rewarmup;
  std::optional<FrozenNorm> frozen_norm;
  std::optional<FrozenDropout> frozen_dropout;
};

struct Plan {
  std::vector<Phase> phases;  // in order of time
  StatePolicy state = StatePolicy::keep;
  std::int64_t rewarmup = 0;  // what a phase thaws reaches its learning rate after so many updates, linearly
  FrozenNorm frozen_norm = FrozenNorm::still;
  FrozenDropout frozen_dropout = FrozenDropout::keep;
  std::string phase_name =
      "strategy.phase";  // before a phase's number, in errors; a strategy's own says whose it is
};

// True if the last `patience` values are no improvement on the best before them. `values` are the evaluations
// of `metric` since the phase before began, oldest first; a loss improves downwards, any other metric
// upwards.
bool plateau_reached(const std::string& metric, const std::vector<double>& values, int patience);

struct RunLength {
  std::int64_t total_updates = 0;
  std::int64_t updates_per_epoch = 1;
};

// A plateau phase began when `step` updates were completed. A checkpoint holds these, and nothing else of a
// plan.
struct Trigger {
  int phase = 0;  // index into Plan::phases
  std::int64_t step = 0;
};
using Triggers = std::vector<Trigger>;

// What a parameter is while one update runs: its learning rate is schedule * lr_mult (re-warm-up included).
struct ParameterState {
  bool trainable = false;
  double lr_mult = 1.0;
  bool operator==(const ParameterState& other) const {
    return trainable == other.trainable && lr_mult == other.lr_mult;
  }
};

// Phase `phase` is in force for the updates begin + 1 ... end.
struct Segment {
  int phase = 0;
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

// Learning rate before multipliers, of the update that comes after `completed` updates.
using ScheduleFunction = std::function<double(std::int64_t completed)>;

// Of the multiplier of what thawed after `thawed` updates: update k since then gets k / (rewarmup + 1) of it,
// 1 at most.
double rewarmup_factor(std::int64_t completed, std::int64_t thawed, std::int64_t rewarmup);

// The most updates that a run may have.
constexpr std::int64_t kMostUpdates = 100'000'000;

// The start of a phase whose plateau has not come.
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

// A phase whose selectors are resolved for a model; vectors are indexed like ModelInfo::parameters.
struct ResolvedPhase {
  std::int64_t start = 0;  // completed updates; kNever for a plateau, which begins where its trigger says
  std::vector<bool> trainable;
  std::vector<double> lr_mult;
  StatePolicy state = StatePolicy::keep;
  std::int64_t rewarmup = 0;
  FrozenNorm frozen_norm = FrozenNorm::still;
  FrozenDropout frozen_dropout = FrozenDropout::keep;
};

// A plan for one model and one length of run.
//
// The phase in force is the last one of the list that has begun. So of two that begin together the later one
// counts, and a plateau phase whose successor begins before the plateau comes is passed over.
class ResolvedPlan {
 public:
  // InputError for a selector that select_parameters() refuses, a parameter with two multipliers, a
  // multiplier that is negative or not finite, phases out of order, and a first phase that does not begin at
  // the start.
  ResolvedPlan(Plan plan, ModelInfo model, RunLength run);

  const Plan& plan() const { return plan_; }
  const ModelInfo& model() const { return model_; }
  const RunLength& run() const { return run_; }
  const std::vector<ResolvedPhase>& phases() const { return phases_; }

  // Completed updates at which the phase begins; kNever for a plateau that has not come.
  std::int64_t start_of(size_t phase, const Triggers& triggers) const;

  int phase_at(std::int64_t completed, const Triggers& triggers = {}) const;
  std::vector<ParameterState> state_at(std::int64_t completed, const Triggers& triggers = {}) const;

  // The plateau phase that is next, for which plateau_reached() is to be asked; nothing if another kind is
  // next.
  std::optional<int> armed_plateau(std::int64_t completed, const Triggers& triggers = {}) const;

  // As if each plateau came an update after the phase before it begins: all phases, of a run that is long enough. Empty
  // for a plan without plateaus.
  Triggers plateaus_at_once() const;

  // The run, cut where phases change; without the phases that no update sees. Empty for a run without
  // updates.
  std::vector<Segment> segments(const Triggers& triggers = {}) const;

  // Of the segments of a run up to one in which the parameter trains: the one in which it thawed, 0 for what
  // trains from the start.
  size_t thawed_in(size_t parameter, const std::vector<Segment>& past) const;

 private:
  std::vector<Segment> history(std::int64_t completed, const Triggers& triggers) const;
  Plan plan_;
  ModelInfo model_;
  RunLength run_;
  std::vector<ResolvedPhase> phases_;
};

}  // namespace thaw
