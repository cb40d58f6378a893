// The trainer's evaluations on the way, what they decide, and what is kept at the end.
#include <algorithm>
#include <cmath>

#include "finetune/model/snapshot.h"
#include "finetune/plan/plan_text.h"
#include "finetune/train/ledger.h"
#include "finetune/train/run_records.h"
#include "finetune/train/trainer.h"

namespace thaw {
namespace {

// "validation_loss" -> "loss"
std::string monitored(const std::string& name) { return name.substr(std::string("validation_").size()); }

}  // namespace

void Trainer::maybe_evaluate(bool last) {
  const bool due = evaluate_every_ > 0 && state_.completed % evaluate_every_ == 0;
  if (data_.validation.size() > 0 && (due || last)) evaluate_now();
}

void Trainer::evaluate_now() {
  note_peak();
  const auto start = Clock::now();
  const Metrics metrics = evaluate(*data_.task, model_, data_.validation);
  memory::reset_peak(kCpu);
  if (sink_ != nullptr)
    sink_->append_metrics(evaluation_line(state_.completed, "validation", metrics, phase_));
  state_.evaluation_seconds += seconds_since(start);
  outcome_.validation = metrics;
  if (hooks_.evaluated)
    hooks_.evaluated(
        {state_.completed, total_,
         static_cast<double>(state_.completed) / static_cast<double>(batches_.updates_per_epoch()), phase_,
         static_cast<int>(plan_.phases().size()), learning_rate(state_.completed - 1), state_.last_loss,
         metrics});

  const std::string& monitor = config_.train.monitor;
  const double value = metric(metrics, monitored(monitor));
  state_.evaluations.push_back({state_.completed, metrics, state_.train_seconds});
  const bool higher = higher_is_better(monitor);
  const bool better =
      std::isfinite(value) &&
      (state_.best_step < 0 || (higher ? value > state_.best_value : value < state_.best_value));
  if (better) {
    state_.best_value = value;
    state_.best_step = state_.completed;
    if (config_.train.restore_best) keep_snapshot(best_);
  }
  check_plateau();
}

// What was evaluated since the phase in force began, oldest first.
std::vector<double> Trainer::values_of_phase(const std::string& monitor) const {
  const std::int64_t since = outcome_.proofs.empty() ? 0 : outcome_.proofs.back().begin;
  std::vector<double> values;
  for (const Evaluation& evaluation : state_.evaluations)
    if (evaluation.step > since) values.push_back(metric(evaluation.metrics, monitored(monitor)));
  return values;
}

void Trainer::check_plateau() {
  // A phase that begins here has not been seen yet; the plateau after it is not its predecessor's.
  if (plan_.phase_at(state_.completed, state_.triggers) != phase_) return;
  const std::optional<int> armed = plan_.armed_plateau(state_.completed, state_.triggers);
  if (!armed) return;
  const PhaseStart& at = plan_.plan().phases[static_cast<std::size_t>(*armed)].at;
  if (!plateau_reached(at.metric, values_of_phase(at.metric), at.patience)) return;
  state_.triggers.push_back({*armed, state_.completed});
  outcome_.ledger = with_measurements(
      predict_ledger(config_, model_config_, strategy_, plan_, data_.train, state_.triggers),
      outcome_.ledger);
  say(concat("phase ", *armed + 1, " begins after update ", state_.completed, ": ", at.metric,
             " has not improved in ", at.patience, " evaluations"));
}

// Finite weights may still give nothing finite, as those do that every update since was skipped for.
void Trainer::check_outcome() {
  const bool validated = data_.validation.size() > 0;
  if (!validated && std::isfinite(state_.last_loss)) return;
  const Metrics judged = validated ? outcome_.validation : evaluate(*data_.task, model_, data_.train);
  if (std::isfinite(metric(judged, "loss"))) return;
  const std::string skipped =
      state_.skipped > 0 ? concat(" (", state_.skipped, " of ", state_.completed, " updates were skipped)")
                         : "";
  diverge(concat("at the end the loss on the ", validated ? "validation" : "training", " data is not finite",
                 skipped));
}

void Trainer::name_phases_that_never_began() {
  for (std::size_t i = 0; i < plan_.phases().size(); ++i) {
    const std::int64_t start = plan_.start_of(i, state_.triggers);
    if (start < state_.completed || start == 0) continue;
    const std::string at = to_text(plan_.plan().phases[i].at);
    outcome_.never_began.push_back(concat("phase ", i + 1, " (", at, ")"));
    // Of others it was said before the run.
    if (start == kNever) say(concat("phase ", i + 1, " never began: its ", at, " did not come"));
  }
}

// The best of the whole run, whichever phase trained it: what is kept was seen to be better on the validation
// data than anything later.
void Trainer::keep_best() {
  restore_snapshot(model_, best_);
  outcome_.kept = state_.best_step;
  const int of_phase = plan_.phase_at(state_.best_step - 1, state_.triggers);
  outcome_.kept_is_of_earlier_phase = of_phase < phase_;
  say(concat("the weights after update ", state_.best_step, " are kept",
             of_phase < phase_ ? concat(", of phase ", of_phase + 1, " of ", plan_.phases().size()) : "",
             ": best ", config_.train.monitor, " ", state_.best_value));
  outcome_.validation = evaluate(*data_.task, model_, data_.validation);
}

void Trainer::finish() {
  note_peak();
  if (phase_ >= 0) leave_phase();
  if (outcome_.status == RunStatus::ok) name_phases_that_never_began();
  optimizer_->clear_grad();
  outcome_.kept = state_.completed;
  if (config_.train.restore_best && state_.best_step >= 0 && outcome_.status == RunStatus::ok &&
      state_.best_step != state_.completed) {
    keep_best();
  } else if (outcome_.validation.empty() && data_.validation.size() > 0 && outcome_.status == RunStatus::ok) {
    outcome_.validation = evaluate(*data_.task, model_, data_.validation);  // a run without updates
  }
  if (outcome_.status == RunStatus::ok) check_outcome();
  outcome_.completed = state_.completed;
  outcome_.last_loss = state_.last_loss;
  outcome_.skipped = state_.skipped;
  outcome_.rollbacks = state_.rollbacks;
  outcome_.train_seconds = state_.train_seconds;
  outcome_.first_epoch_seconds = state_.first_epoch_seconds;
  outcome_.evaluation_seconds = state_.evaluation_seconds;
  outcome_.evaluations = state_.evaluations;
  outcome_.peak_bytes = state_.peak_bytes;
  outcome_.triggers = state_.triggers;
  outcome_.trainable = trained_elements(outcome_.ledger, plan_);
  outcome_.flops = 0;
  const auto full =
      static_cast<double>(std::min(batches_.batch_size() * config_.train.accumulation, data_.train.size()));
  for (const LedgerPhase& row : outcome_.ledger.phases)
    for (std::int64_t k = row.begin; k < std::min(row.end, state_.completed); ++k)
      outcome_.flops += row.predicted.total_flops() * static_cast<double>(batches_.samples(k)) / full;
}

}  // namespace thaw
