#include "finetune/train/trainer.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "finetune/common/units.h"
#include "finetune/config/chosen_metrics.h"
#include "finetune/model/weights_hash.h"
#include "finetune/plan/plan_text.h"
#include "finetune/task/evaluate.h"
#include "finetune/train/fingerprint.h"

namespace thaw {
namespace {

// "validation_loss" -> "loss"
std::string monitored(const std::string& name) { return name.substr(std::string("validation_").size()); }

}  // namespace

Trainer::Trainer(const Config& config, const RunSetup& setup, Model& model, const PreparedData& data,
                 Hooks hooks)
    : config_(config),
      setup_(setup),
      plan_(setup.plan),
      model_(model),
      data_(data),
      hooks_(std::move(hooks)),
      batches_(setup.batches),
      learning_rate_(setup.learning_rate(config.train)),
      optimizer_(make_optimizer(config.train, model)),
      loss_options_(loss_options(config, data.train)),
      evaluate_every_(config.train.eval_every.updates(plan_.run())),
      checkpoint_every_(config.train.checkpoint_every.updates(plan_.run())),
      prefixes_(config, setup, model),
      nan_policy_(config.train, model, *optimizer_, state_.result,
                  [this](const std::string& text) { say(text); }),
      proofs_(state_.result.proofs),
      meter_(state_.result, peak_, hooks_.trace),
      listeners_{&meter_, &proofs_} {
  apply_no_decay(config.train, model);
  if (setup.strategy.l2_sp) penalty_.emplace(model, *setup.strategy.l2_sp);
  result().ledger = setup.predicted(config, data.train);
}

void Trainer::write_to(RunSink& sink, const ModelConfig& model) {
  sink_ = &sink;
  identity_ = {run_fingerprint(config_, data_), hash_of_model(model_, model)};
  add(log_.emplace(sink));
}

RunResult Trainer::run(bool resume) {
  begin();
  const bool resumed = resume && sink_ != nullptr && resume_from_checkpoint();
  if (!resumed && sink_ != nullptr) sink_->truncate_metrics(0);
  const std::int64_t total = plan_.run().total_updates;
  while (result().completed < total && result().status == RunStatus::ok && !out_of_patience()) {
    if (plan_.phase_at(result().completed, result().triggers) != phase_) enter_phase();
    if (!train_update()) break;
    const bool last = result().completed == total;
    if (!check_weights(last)) break;
    evaluate_if_due(last);
    checkpoint_if_due(last);
    if (stop_requested(hooks_.stop) && !last) {
      if (sink_ != nullptr) checkpoint();
      result().status = RunStatus::interrupted;
    }
  }
  if (out_of_patience() && result().completed < total)
    say(concat("stopped early after ", result().completed, " of ", total, " updates: no better ",
               config_.train.monitor, " in ", config_.train.early_stopping_patience, " evaluations",
               plan_.phases().size() > 1 ? concat(" of phase ", phase_ + 1) : ""));
  finish();
  return std::move(state_.result);
}

Moment Trainer::now() const {
  return {model_,
          plan_,
          result().completed,
          phase_,
          state_.phase_began,
          segment_,
          result().last_loss,
          lr_,
          update_seconds_,
          result().train_seconds};
}

template <class... Arguments>
void Trainer::tell(void (TrainListener::*event)(const Moment&, Arguments...), Arguments... arguments) {
  const auto start = Clock::now();
  for (TrainListener* listener : listeners_) (listener->*event)(now(), arguments...);
  listening_seconds_ += seconds_since(start);
}

void Trainer::say(const std::string& text) const {
  if (hooks_.message) hooks_.message(text);
}

// ---- phases

void Trainer::begin() {
  prefixes_.keep_for_this_run([this](const std::string& text) { say(text); });
  model_.train();
  peak_.emplace(kCpu);
}

// False where there is nothing to go on from.
bool Trainer::resume_from_checkpoint() {
  const std::optional<FoundCheckpoint> found = find_checkpoint(sink_->checkpoints());
  if (found)
    for (const std::string& note : found->notes) say(note);
  if (!found || found->path.empty()) {
    say("there is no checkpoint to resume from; the run starts from the beginning");
    return false;
  }
  const std::vector<std::string> groups = result().ledger.groups;
  state_ = load_checkpoint(found->path, model_, *optimizer_, best_, nan_policy_.rollback(), identity_);
  if (config_.train.restore_best && best_.empty() != (state_.best_step < 0))
    refuse_checkpoint(found->path, "'best_step' does not fit the snapshots");
  if (!sink_->truncate_metrics(state_.metrics_bytes))
    say("warning: metrics.jsonl is shorter than it was at the checkpoint; the lines that are gone stay gone");
  if (!fits(result().ledger, groups)) refuse_checkpoint(found->path, "'ledger' is of another model");
  result().ledger =
      with_measurements(setup_.predicted(config_, data_.train, result().triggers), result().ledger);
  say(concat("resumed after ", result().completed, " of ", plan_.run().total_updates, " updates from ",
             found->path));
  // As things stood after the last update; whatever changes now, the loop changes as it would have.
  switch_to_phase(result().completed - 1);
  if (prefixes_.cache() != nullptr && result().completed >= batches_.updates_per_epoch())
    prefixes_.cache()->assume_used(data_.train);
  tell(&TrainListener::phase_goes_on);
  peak_->reset();  // reading a checkpoint is no part of what training needs
  return true;
}

void Trainer::switch_to_phase(std::int64_t completed) {
  phase_ = plan_.phase_at(completed, result().triggers);
  apply_plan(model_, plan_, completed, result().triggers);
  const auto& rows = result().ledger.phases;
  segment_ = 0;
  while (segment_ + 1 < rows.size() && rows[segment_].end <= completed) ++segment_;
  prefixes_.enter(rows[segment_]);
  model_.recompute(rows[segment_].recomputed);
}

// Sets the switches of the phase now in force and decides what becomes of optimizer state.
void Trainer::enter_phase() {
  const bool first = phase_ < 0;
  if (!first) tell(&TrainListener::phase_ends);
  const std::vector<bool> before = trainable_flags(model_);
  switch_to_phase(result().completed);
  state_.phase_began = result().completed;
  if (!first) apply_state_policy(*optimizer_, before, plan_.phases()[static_cast<std::size_t>(phase_)].state);
  nan_policy_.keep_snapshot();
  tell(&TrainListener::phase_begins);
}

// ---- updates

bool Trainer::train_update() {
  listening_seconds_ = 0;
  lr_ = learning_rate_(result().completed);
  const auto start = Clock::now();
  const bool good = step(result().completed);
  update_seconds_ = seconds_since(start) - listening_seconds_;
  // As long as in a run of its own.
  const double shared = prefixes_.shared_seconds();
  result().shared_seconds += shared;
  update_seconds_ += shared;
  result().train_seconds += update_seconds_;
  if (result().completed < batches_.updates_per_epoch())
    result().first_epoch_seconds = result().train_seconds;
  if (!good) return false;
  ++result().completed;
  tell(&TrainListener::update_ends);
  if (hooks_.progress) hooks_.progress(now());
  return true;
}

// The re-warm-up of what this phase or an earlier one thawed moves with every update.
void Trainer::apply_rewarmup() {
  const auto& phases = plan_.phases();
  if (std::any_of(phases.begin(), phases.end(),
                  [](const ResolvedPhase& phase) { return phase.rewarmup > 0; }))
    apply_plan(model_, plan_, result().completed, result().triggers);
}

bool Trainer::step(std::int64_t number) {
  const TrainSection& train = config_.train;
  nan_policy_.before_update();
  apply_rewarmup();
  tell(&TrainListener::update_begins);
  const Update update{batches_.update(number), train.seed, number};
  const double loss = forward_backward(model_, data_.train, update, loss_options_,
                                       penalty_ ? &*penalty_ : nullptr, prefixes_.cache());
  const double norm = finish_gradients(train, *optimizer_);
  result().last_loss = loss;
  if (!std::isfinite(loss) || !std::isfinite(norm)) {
    tell(&TrainListener::step_failed);
    optimizer_->clear_grad();
    const std::string why =
        concat("the loss or a gradient is not finite (loss ", short_number(loss), ") in update ", number + 1);
    if (nan_policy_.pass_over(why)) return true;
    diverge(why);
    return false;
  }
  tell(&TrainListener::before_step);
  optimizer_->step(lr_);
  tell(&TrainListener::after_step);
  optimizer_->clear_grad();
  return true;
}

void Trainer::diverge(const std::string& why) {
  result().status = RunStatus::diverged;
  result().message = concat(why, ", strategy ", config_.strategy.name, ", lr ", config_.train.lr,
                            "; use a smaller train.lr, or train.clip_norm, or look at the data");
}

// A finite loss says nothing of the weights that its own step made: they are looked at before they are
// evaluated, saved or kept.
bool Trainer::check_weights(bool last) {
  if (!last && !is_due(evaluate_every_) && !is_due(checkpoint_every_)) return true;
  if (all_finite(model_)) return true;
  const std::string why = concat("the weights are not finite after update ", result().completed);
  if (nan_policy_.roll_back(why)) return true;
  diverge(why);
  return false;
}

// ---- evaluations on the validation data, and what they decide

void Trainer::evaluate_if_due(bool last) {
  if (data_.validation->size() == 0 || (!is_due(evaluate_every_) && !last)) return;
  peak_->note(result().peak_bytes);
  const auto start = Clock::now();
  const Metrics metrics = evaluate(*data_.task, model_, data_.validation, prefixes_.cache());
  result().evaluation_seconds += seconds_since(start) + prefixes_.shared_seconds_in_evaluation();
  peak_->reset();
  result().validation = metrics;
  result().evaluations.push_back({result().completed, metrics, result().train_seconds});
  tell<const Metrics&>(&TrainListener::evaluated, metrics);
  if (hooks_.evaluated) hooks_.evaluated(now(), metrics);
  keep_if_best(metrics);
  check_plateau();
}

void Trainer::keep_if_best(const Metrics& metrics) {
  const std::string& monitor = config_.train.monitor;
  const double value = metric(metrics, monitored(monitor));
  if (!std::isfinite(value)) return;
  const bool higher = higher_is_better(monitor);
  const bool better = higher ? value > state_.best_value : value < state_.best_value;
  if (state_.best_step >= 0 && !better) return;
  state_.best_value = value;
  state_.best_step = result().completed;
  if (config_.train.restore_best) replace_snapshot(best_, model_);
}

// What was evaluated since the phase in force began, oldest first.
std::vector<double> Trainer::values_of_phase(const std::string& monitor) const {
  const std::int64_t since = state_.phase_began;
  std::vector<double> values;
  for (const Evaluation& evaluation : result().evaluations)
    if (evaluation.step > since) values.push_back(metric(evaluation.metrics, monitored(monitor)));
  return values;
}

void Trainer::check_plateau() {
  // A phase that begins here has not been seen yet; the plateau after it is not its predecessor's.
  if (plan_.phase_at(result().completed, result().triggers) != phase_) return;
  const std::optional<int> armed = plan_.armed_plateau(result().completed, result().triggers);
  if (!armed) return;
  const PhaseStart& at = plan_.plan().phases[static_cast<std::size_t>(*armed)].at;
  if (!plateau_reached(at.metric, values_of_phase(at.metric), at.patience)) return;
  result().triggers.push_back({*armed, result().completed});
  result().ledger =
      with_measurements(setup_.predicted(config_, data_.train, result().triggers), result().ledger);
  say(concat("phase ", *armed + 1, " begins after update ", result().completed, ": ", at.metric,
             " has not improved in ", at.patience, " evaluations"));
}

bool Trainer::out_of_patience() const {
  if (config_.train.early_stopping_patience == 0 || has_phases_to_come()) return false;
  return plateau_reached(config_.train.monitor, values_of_phase(config_.train.monitor),
                         static_cast<int>(config_.train.early_stopping_patience));
}

// A strategy is not itself until its last phase: what is still to thaw may be what helps. A phase that begins
// now has trained nothing yet.
bool Trainer::has_phases_to_come() const {
  const auto current = static_cast<std::size_t>(std::max(phase_, 0));
  for (std::size_t i = current + 1; i < plan_.phases().size(); ++i) {
    const std::int64_t start = plan_.start_of(i, result().triggers);
    if (start == kNever || start < plan_.run().total_updates) return true;
  }
  return false;
}

// ---- checkpoints

void Trainer::checkpoint_if_due(bool last) {
  if (last || !is_due(checkpoint_every_)) return;
  nan_policy_.keep_snapshot();
  if (sink_ != nullptr && seconds_since(last_checkpoint_) >= checkpoint_pause_) checkpoint();
}

void Trainer::checkpoint() {
  peak_->note(result().peak_bytes);
  state_.metrics_bytes = sink_->metrics_bytes();
  save_checkpoint(sink_->checkpoints(),
                  {model_, *optimizer_, state_, best_, nan_policy_.rollback(), identity_},
                  config_.train.keep_checkpoints);
  last_checkpoint_ = Clock::now();
}

// ---- the end

void Trainer::finish() {
  peak_->note(result().peak_bytes);
  if (phase_ >= 0) tell(&TrainListener::phase_ends);
  optimizer_->clear_grad();
  RunResult& r = result();
  r.kept = r.completed;
  if (r.status == RunStatus::ok) {
    name_phases_that_never_began();
    if (config_.train.restore_best && state_.best_step >= 0 && state_.best_step != r.completed)
      keep_best_weights();
    else if (r.validation.empty() && data_.validation->size() > 0)  // a run without updates
      r.validation = evaluate(*data_.task, model_, data_.validation, prefixes_.cache());
    check_outcome();
  }
  r.trainable = trained_elements(r.ledger, plan_);
  r.flops = flops_of_run();
  r.peak_bytes = prefixes_.peak_bytes(r.peak_bytes, r.ledger, r.completed, data_);
}

void Trainer::name_phases_that_never_began() {
  for (std::size_t i = 0; i < plan_.phases().size(); ++i) {
    const std::int64_t start = plan_.start_of(i, result().triggers);
    if (start < result().completed || start == 0) continue;
    const std::string at = to_text(plan_.plan().phases[i].at);
    result().never_began.push_back(concat("phase ", i + 1, " (", at, ")"));
    // Of others it was said before the run.
    if (start == kNever) say(concat("phase ", i + 1, " never began: its ", at, " did not come"));
  }
}

// The best of the whole run, whichever phase trained it: what is kept was seen to be better on the validation
// data than anything later.
void Trainer::keep_best_weights() {
  restore_snapshot(model_, best_);
  result().kept = state_.best_step;
  const int of_phase = plan_.phase_at(state_.best_step - 1, result().triggers);
  result().kept_is_of_earlier_phase = of_phase < phase_;
  say(concat("the weights after update ", state_.best_step, " are kept",
             of_phase < phase_ ? concat(", of phase ", of_phase + 1, " of ", plan_.phases().size()) : "",
             ": best ", config_.train.monitor, " ", state_.best_value));
  result().validation = evaluate(*data_.task, model_, data_.validation, prefixes_.cache());
}

// Finite weights may still give nothing finite, as those do that every update since was skipped for.
void Trainer::check_outcome() {
  const bool validated = data_.validation->size() > 0;
  if (!validated && std::isfinite(result().last_loss)) return;
  const Metrics judged = validated ? result().validation : evaluate(*data_.task, model_, data_.train);
  if (std::isfinite(metric(judged, "loss"))) return;
  const std::string skipped = result().skipped > 0 ? concat(" (", result().skipped, " of ",
                                                            result().completed, " updates were skipped)")
                                                   : "";
  diverge(concat("at the end the loss on the ", validated ? "validation" : "training", " data is not finite",
                 skipped));
}

double Trainer::flops_of_run() const {
  double flops = 0;
  for (const LedgerPhase& row : result().ledger.phases) flops += flops_of(row, batches_, result().completed);
  return flops;
}

}  // namespace thaw
