// Trainer: one run of one strategy. Everything that happens is a function of (config, data, completed
// updates, recorded triggers), so that a run which was killed and resumed ends with the bits of one that was
// not.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "finetune/common/clock.h"
#include "finetune/common/stop.h"
#include "finetune/config/config.h"
#include "finetune/model/snapshot.h"
#include "finetune/preprocess/prepared_data.h"
#include "finetune/task/evaluate.h"
#include "finetune/train/checkpoint.h"
#include "finetune/train/frozen_proof.h"
#include "finetune/train/ledger.h"
#include "finetune/train/run_sink.h"
#include "finetune/train/step.h"
#include "finetune/train/watch.h"

namespace thaw {

class ChromeTrace;

enum class RunStatus { ok, diverged, interrupted };
const char* status_name(RunStatus status);

struct TrainProgress {
  std::int64_t completed = 0, total = 0;
  double loss = 0;
  double seconds = 0;  // so far
};

// An evaluation on the validation data, as it is made.
struct TrainEvaluation {
  std::int64_t completed = 0, total = 0;
  double epoch = 0;
  int phase = 0, phases = 1;  // the phase that the last update was of, from 0, of so many
  double lr = 0;              // of the last update, before multipliers
  double loss = 0;            // of the last update
  const Metrics& metrics;
};

struct RunOutcome {
  RunStatus status = RunStatus::ok;
  std::string message;  // of a divergence
  std::int64_t completed = 0;
  std::int64_t kept = 0;                  // the weights after so many updates: the last, or the best
  bool kept_is_of_earlier_phase = false;  // than the last one that trained
  std::vector<std::string> never_began;   // phases of the plan, of a run that ended well: "phase 2 (epoch 1)"
  double last_loss = 0;
  std::int64_t skipped = 0, rollbacks = 0;  // updates that train.nan passed over or undid
  Metrics validation;                       // of the weights that were kept
  double train_seconds = 0, first_epoch_seconds = 0, evaluation_seconds = 0;
  std::vector<Evaluation> evaluations;  // on the validation data, on the way
  double flops = 0;                     // of all training updates, as the kernels count them
  std::int64_t peak_bytes = 0;  // allocator's peak in training less what was there before (weights, data)
  std::int64_t trainable = 0;   // elements that some phase trained
  Ledger ledger;
  std::vector<FrozenProof> proofs;
  Triggers triggers;
};

class Trainer {
 public:
  struct Hooks {
    std::function<void(const TrainProgress&)> progress;  // after every update
    std::function<void(const TrainEvaluation&)> evaluated;
    std::function<void(const std::string&)> message;  // for the user
    ChromeTrace* trace = nullptr;                     // of the first update that the ledger measures
    const StopToken* stop = nullptr;                  // once requested, the run is saved and ends interrupted
  };

  // `model` has its starting weights and adapters.
  Trainer(const Config& config, const Strategy& strategy, const ModelConfig& model_config, Model& model,
          const PreparedData& data, Hooks hooks);

  // Where the run is written; nowhere else. Not in the constructor, which checks the plan before a folder is
  // made.
  void write_to(RunSink& sink) { sink_ = &sink; }

  // Made from the model's starting weights.
  void watch_with(Watch& watch) { watch_ = &watch; }

  // Checkpoints that are due sooner than so many seconds after the last one are left out. A run that goes on
  // from an earlier one ends with the same bits.
  void space_checkpoints(double seconds) { checkpoint_pause_ = seconds; }

  // From the start, or with `resume` from the folder's newest whole checkpoint if it has one.
  RunOutcome run(bool resume = false);

  const ResolvedPlan& plan() const { return plan_; }
  // Before multipliers, of the update that comes after `completed` updates.
  double learning_rate(std::int64_t completed) const {
    return config_.train.lr * multiplier(schedule_, completed, total_);
  }

 private:
  void begin(bool resume);
  void set_phase(std::int64_t completed);
  void enter_phase();
  std::int64_t update_to_measure(std::int64_t begin, std::int64_t end) const;
  void leave_phase();
  bool update();  // false: the run diverged
  bool handle_bad_step(double loss, double lr);
  bool roll_back(const std::string& why);
  void diverge(const std::string& why);
  bool check_weights(bool last);
  bool out_of_patience() const;
  bool has_phases_to_come() const;
  std::vector<double> values_of_phase(const std::string& monitor) const;
  void maybe_evaluate(bool last);
  void evaluate_now();
  void check_plateau();
  void maybe_checkpoint(bool last);
  void checkpoint();
  void note_peak();
  void keep_snapshot(Snapshot& to);
  void check_outcome();
  void name_phases_that_never_began();
  void keep_best();
  void finish();
  void say(const std::string& text) const;

  const Config& config_;
  const Strategy& strategy_;
  const ModelConfig& model_config_;
  Model& model_;
  const PreparedData& data_;
  RunSink* sink_ = nullptr;
  Hooks hooks_;
  Watch* watch_ = nullptr;
  BatchPlan batches_;
  std::int64_t total_;
  Schedule schedule_;
  ResolvedPlan plan_;
  std::unique_ptr<Optimizer> optimizer_;
  std::optional<L2SpPenalty> penalty_;
  LossOptions loss_options_;
  std::int64_t evaluate_every_, checkpoint_every_;
  RunIdentity identity_;  // where checkpoints are written
  RunState state_;
  RunOutcome outcome_;
  Snapshot best_, rollback_;
  std::size_t segment_ = 0;  // row of the ledger that is being trained
  int phase_ = -1;
  std::int64_t measure_at_ = -1;  // update of this phase that is observed
  std::int64_t bytes_before_ = 0;
  double checkpoint_pause_ = 0;
  Clock::time_point last_checkpoint_ = Clock::now();
};

}  // namespace thaw
