// Trainer: one run of one strategy. Everything that happens is a function of (config, data, completed
// updates, recorded triggers), so that a run which was killed and resumed ends with the bits of one that was
// not.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "finetune/common/clock.h"
#include "finetune/common/stop.h"
#include "finetune/config/config.h"
#include "finetune/model/snapshot.h"
#include "finetune/preprocess/prepared_data.h"
#include "finetune/train/checkpoint.h"
#include "finetune/train/ledger_meter.h"
#include "finetune/train/listener.h"
#include "finetune/train/metrics_log.h"
#include "finetune/train/nan_policy.h"
#include "finetune/train/peak_memory.h"
#include "finetune/train/run_prefixes.h"
#include "finetune/train/run_result.h"
#include "finetune/train/run_setup.h"
#include "finetune/train/run_sink.h"
#include "finetune/train/step.h"

namespace thaw {

class Trainer {
 public:
  struct Hooks {
    std::function<void(const Moment&)> progress = {};  // after every update
    std::function<void(const Moment&, const Metrics&)> evaluated = {};
    std::function<void(const std::string&)> message = {};  // for the user
    ChromeTrace* trace = nullptr;                          // of the first update that the ledger measures
    const StopToken* stop = nullptr;  // once requested, the run is saved and ends interrupted
  };

  // `model` has its starting weights and the setup's adapters.
  Trainer(const Config& config, const RunSetup& setup, Model& model, const PreparedData& data, Hooks hooks);

  // Its parts refer to each other.
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  // Told of what happens, in the order in which they were added.
  void add(TrainListener& listener) { listeners_.push_back(&listener); }

  // Where what frozen stages give is kept for other runs too; without, it is this run's alone.
  void keep_prefixes_in(PrefixStore& store) { prefixes_.keep_in(store); }
  // What the run will cost.
  const Ledger& ledger() const { return state_.result.ledger; }
  // For evaluations after the run; null where nothing is kept.
  PrefixCache* prefix_cache() { return prefixes_.cache(); }

  // Where the run is written; nowhere else. `model`: as config.json will say it. Not in the constructor, for the folder is
  // made when nothing is wrong.
  void write_to(RunSink& sink, const ModelConfig& model);

  // Checkpoints that are due sooner than so many seconds after the last one are left out. A run that goes on
  // from an earlier one ends with the same bits.
  void space_checkpoints(double seconds) { checkpoint_pause_ = seconds; }

  // From the start, or with `resume` from the newest whole checkpoint if there is one.
  RunResult run(bool resume = false);

 private:
  void begin();
  bool resume_from_checkpoint();
  void switch_to_phase(std::int64_t completed);
  void enter_phase();
  bool train_update();  // false: the run diverged
  bool step(std::int64_t number);
  void apply_rewarmup();
  bool check_weights(bool last);
  void diverge(const std::string& why);

  bool is_due(std::int64_t every) const { return every > 0 && result().completed % every == 0; }
  void evaluate_if_due(bool last);
  void keep_if_best(const Metrics& metrics);
  void check_plateau();
  bool out_of_patience() const;
  bool has_phases_to_come() const;
  std::vector<double> values_of_phase(const std::string& monitor) const;

  void checkpoint_if_due(bool last);
  void checkpoint();

  void finish();
  void name_phases_that_never_began();
  void keep_best_weights();
  void check_outcome();
  double flops_of_run() const;

  RunResult& result() { return state_.result; }
  const RunResult& result() const { return state_.result; }
  Moment now() const;
  template <class... Arguments>
  void tell(void (TrainListener::*event)(const Moment&, Arguments...), Arguments... arguments);
  void say(const std::string& text) const;

  const Config& config_;
  const RunSetup& setup_;
  const ResolvedPlan& plan_;
  Model& model_;
  const PreparedData& data_;
  Hooks hooks_;
  BatchPlan batches_;
  ScheduleFunction learning_rate_;
  std::unique_ptr<Optimizer> optimizer_;
  std::optional<L2SpPenalty> penalty_;
  LossOptions loss_options_;
  std::int64_t evaluate_every_, checkpoint_every_;

  RunState state_;
  Snapshot best_;  // empty: none
  RunPrefixes prefixes_;
  NanPolicy nan_policy_;
  int phase_ = -1;
  std::size_t segment_ = 0;  // row of the ledger that is being trained
  double lr_ = 0, update_seconds_ = 0;

  std::optional<PeakMemory> peak_;
  FrozenProofs proofs_;
  LedgerMeter meter_;
  std::optional<MetricsLog> log_;
  std::vector<TrainListener*> listeners_;
  double listening_seconds_ = 0;  // of the update at hand: no part of training

  RunSink* sink_ = nullptr;
  RunIdentity identity_;  // where checkpoints are written
  double checkpoint_pause_ = 0;
  Clock::time_point last_checkpoint_ = Clock::now();
};

}  // namespace thaw
