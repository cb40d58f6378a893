#include "finetune/train/trainer.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/random.h"
#include "finetune/common/units.h"
#include "finetune/config/chosen_metrics.h"
#include "finetune/model/weights_hash.h"
#include "finetune/plan/interval.h"
#include "finetune/train/chrome_trace.h"
#include "finetune/train/run_records.h"

namespace thaw {

namespace {

// A run that went back this often is given up.
constexpr std::int64_t kMostRollbacks = 3;

}  // namespace

const char* status_name(RunStatus status) {
  constexpr const char* kNames[] = {"ok", "diverged", "interrupted"};
  return kNames[static_cast<int>(status)];
}

Trainer::Trainer(const Config& config, const Strategy& strategy, const ModelConfig& model_config,
                 Model& model, const PreparedData& data, Hooks hooks)
    : config_(config),
      strategy_(strategy),
      model_config_(model_config),
      model_(model),
      data_(data),
      hooks_(std::move(hooks)),
      batches_(data.train.size(), config.train.batch_size, config.train.accumulation, config.train.shuffle,
               config.train.seed),
      total_(total_updates(config.train, batches_.updates_per_epoch())),
      schedule_(make_schedule(config.train, strategy, total_)),
      plan_(strategy.plan, describe(model), {total_, batches_.updates_per_epoch()}),
      optimizer_(make_optimizer(config.train, model)),
      loss_options_(loss_options(config, data.train)),
      evaluate_every_(
          parse_interval(config.train.eval_every, batches_.updates_per_epoch(), "train.eval_every")),
      checkpoint_every_(parse_interval(config.train.checkpoint_every, batches_.updates_per_epoch(),
                                       "train.checkpoint_every")) {
  check_monitors(config, plan_.plan(), data.validation);
  apply_no_decay(config.train, model);
  if (strategy.l2_sp) penalty_.emplace(model, *strategy.l2_sp);
  outcome_.ledger = predict_ledger(config, model_config, strategy, plan_, data.train);
}

void Trainer::say(const std::string& text) const {
  if (hooks_.message) hooks_.message(text);
}

RunOutcome Trainer::run(bool resume) {
  begin(resume);
  while (state_.completed < total_ && outcome_.status == RunStatus::ok && !out_of_patience()) {
    if (plan_.phase_at(state_.completed, state_.triggers) != phase_) enter_phase();
    const auto start = Clock::now();
    const bool good = update();
    const double seconds = seconds_since(start) - (watch_ != nullptr ? watch_->take_seconds() : 0);
    state_.train_seconds += seconds;
    if (state_.completed <= batches_.updates_per_epoch()) state_.first_epoch_seconds = state_.train_seconds;
    outcome_.ledger.phases[segment_].seconds += seconds;
    if (!good) break;
    if (hooks_.progress) hooks_.progress({state_.completed, total_, state_.last_loss, state_.train_seconds});
    const bool last = state_.completed == total_;
    if (!check_weights(last)) break;
    maybe_evaluate(last);
    maybe_checkpoint(last);
    if (stop_requested(hooks_.stop) && !last) {
      if (sink_ != nullptr) checkpoint();
      outcome_.status = RunStatus::interrupted;
    }
  }
  if (out_of_patience() && state_.completed < total_)
    say(concat("stopped early after ", state_.completed, " of ", total_, " updates: no better ",
               config_.train.monitor, " in ", config_.train.early_stopping_patience, " evaluations",
               plan_.phases().size() > 1 ? concat(" of phase ", phase_ + 1) : ""));
  finish();
  return std::move(outcome_);
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
    const std::int64_t start = plan_.start_of(i, state_.triggers);
    if (start == kNever || start < total_) return true;
  }
  return false;
}

void Trainer::begin(bool resume) {
  model_.train();
  bytes_before_ = memory::usage(kCpu).total;
  memory::reset_peak(kCpu);
  if (sink_ != nullptr) identity_ = {run_fingerprint(config_, data_), hash_of_model(model_, model_config_)};
  if (!resume || sink_ == nullptr) {
    if (sink_ != nullptr) sink_->truncate_metrics(0);
    return;
  }
  const std::optional<FoundCheckpoint> found = find_checkpoint(sink_->checkpoints());
  if (found)
    for (const std::string& note : found->notes) say(note);
  if (!found || found->path.empty()) {
    say("there is no checkpoint to resume from; the run starts from the beginning");
    sink_->truncate_metrics(0);
    return;
  }
  state_ = load_checkpoint(found->path, model_, *optimizer_, best_, rollback_, identity_);
  if (config_.train.restore_best && best_.empty() != (state_.best_step < 0))
    refuse_checkpoint(found->path, "'best_step' does not fit the snapshots");
  if (!sink_->truncate_metrics(state_.metrics_bytes))
    say("warning: metrics.jsonl is shorter than it was at the checkpoint; the lines that are gone stay gone");
  outcome_.ledger = predict_ledger(config_, model_config_, strategy_, plan_, data_.train, state_.triggers);
  restore_phase_records(state_.phases_json, outcome_, found->path);
  say(concat("resumed after ", state_.completed, " of ", total_, " updates from ", found->path));
  // As things stood after the last update; whatever changes now, the loop changes as it would have.
  set_phase(state_.completed - 1);
  measure_at_ = update_to_measure(outcome_.proofs.back().begin, outcome_.ledger.phases[segment_].end);
  memory::reset_peak(kCpu);  // reading a checkpoint is no part of what training needs
}

void Trainer::set_phase(std::int64_t completed) {
  phase_ = plan_.phase_at(completed, state_.triggers);
  apply_plan(model_, plan_, completed, state_.triggers);
  const auto& rows = outcome_.ledger.phases;
  segment_ = 0;
  while (segment_ + 1 < rows.size() && rows[segment_].end <= completed) ++segment_;
}

// The third update of a phase, when its optimizer state is made; later if that one is a partial batch.
std::int64_t Trainer::update_to_measure(std::int64_t begin, std::int64_t end) const {
  const std::int64_t full = batches_.batch_size() * config_.train.accumulation;
  const std::int64_t third = std::min(begin + 2, end - 1);
  for (std::int64_t k = third; k < std::min(end, third + batches_.updates_per_epoch()); ++k)
    if (batches_.samples(k) == full) return k;
  return third;
}

// Sets the switches of the phase now in force, decides what becomes of optimizer state, hashes what is
// frozen.
void Trainer::enter_phase() {
  const bool first = phase_ < 0;
  if (!first) leave_phase();
  const std::vector<bool> before = trainable_flags(model_);
  set_phase(state_.completed);
  if (!first) apply_state_policy(*optimizer_, before, plan_.phases()[static_cast<std::size_t>(phase_)].state);
  // An older snapshot would give what is frozen now the weights it had before.
  if (config_.train.nan == "rollback") keep_snapshot(rollback_);
  measure_at_ = update_to_measure(state_.completed, outcome_.ledger.phases[segment_].end);
  FrozenProof proof;
  proof.phase = phase_;
  proof.begin = state_.completed;
  proof.sha256_start = frozen_hash(model_, plan_.phases()[static_cast<std::size_t>(phase_)].frozen_norm,
                                   proof.tensors, proof.bytes);
  outcome_.proofs.push_back(proof);
}

void Trainer::leave_phase() {
  FrozenProof& proof = outcome_.proofs.back();
  proof.end = state_.completed;
  proof.sha256_end = frozen_hash(model_, plan_.phases()[static_cast<std::size_t>(phase_)].frozen_norm,
                                 proof.tensors, proof.bytes);
  if (!proof.equal())
    fail("frozen weights changed in phase ", proof.phase + 1, " (updates ", proof.begin + 1, " to ",
         proof.end, "): this is a mistake in thaw; please report it with the config");
}

bool Trainer::update() {
  const TrainSection& train = config_.train;
  const double lr = learning_rate(state_.completed);
  const bool guarded = train.nan != "stop";
  const Snapshot buffers = train.nan == "skip" ? take_buffers(model_) : Snapshot();
  // The re-warm-up of what this phase or an earlier one thawed moves with every update.
  const auto& phases = plan_.phases();
  if (std::any_of(phases.begin(), phases.end(),
                  [](const ResolvedPhase& phase) { return phase.rewarmup > 0; }))
    apply_plan(model_, plan_, state_.completed, state_.triggers);

  std::optional<StepObserver> observer;
  if (state_.completed == measure_at_) {
    note_peak();
    if (hooks_.trace != nullptr) hooks_.trace->begin(state_.completed + 1);
    observer.emplace(model_, hooks_.trace);
  }
  const Update update{batches_.update(state_.completed), train.seed, state_.completed};
  const double loss =
      forward_backward(model_, data_.train, update, loss_options_, penalty_ ? &*penalty_ : nullptr);
  double norm = 0;
  if (train.clip_norm > 0)
    norm = clip_gradients(optimizer_->parameters(), train.clip_norm);
  else if (guarded)
    norm = gradient_norm(optimizer_->parameters());
  state_.last_loss = loss;
  if (!std::isfinite(loss) || !std::isfinite(norm)) {
    observer.reset();
    optimizer_->clear_grad();
    if (train.nan == "skip") restore_buffers(model_, buffers);
    return handle_bad_step(loss, lr);
  }
  if (watch_ != nullptr) watch_->before_step(model_, state_.completed, loss);
  optimizer_->step(lr);
  if (watch_ != nullptr) watch_->after_step(model_, state_.completed);
  optimizer_->clear_grad();
  if (observer) {
    LedgerPhase& row = outcome_.ledger.phases[segment_];
    row.measured = observer->finish(kCpu);
    row.was_measured = true;
    if (hooks_.trace != nullptr) hooks_.trace->end();
  }
  ++state_.completed;
  if (sink_ != nullptr)
    sink_->append_metrics(update_line(state_.completed, batches_.updates_per_epoch(), loss, lr, phase_));
  return true;
}

// False: give up.
bool Trainer::handle_bad_step(double loss, double lr) {
  const std::string what = concat("the loss or a gradient is not finite (loss ", short_number(loss),
                                  ") in update ", state_.completed + 1);
  if (config_.train.nan == "skip") {
    ++state_.skipped;
    // The 1st, 2nd, 4th, ..: not thousands of lines.
    if (std::has_single_bit(static_cast<std::uint64_t>(state_.skipped)))
      say(concat(what, ": the update is skipped (", state_.skipped, " so far)"));
  } else if (!roll_back(what)) {
    return false;
  }
  ++state_.completed;
  if (sink_ != nullptr)
    sink_->append_metrics(update_line(state_.completed, batches_.updates_per_epoch(), loss, lr, phase_));
  return true;
}

// Back to the last snapshot if the config says so and it was not done too often; else the run has diverged.
bool Trainer::roll_back(const std::string& why) {
  if (config_.train.nan == "rollback" && state_.rollbacks < kMostRollbacks) {
    restore_snapshot(model_, rollback_);
    // Momentum of the step that went wrong would repeat it.
    for (const ParameterPtr& parameter : optimizer_->parameters())
      optimizer_->apply_policy(*parameter, StatePolicy::drop);
    ++state_.rollbacks;
    say(why + ": the weights go back to the last snapshot's, the optimizer begins anew");
    return true;
  }
  diverge(why);
  return false;
}

void Trainer::diverge(const std::string& why) {
  outcome_.status = RunStatus::diverged;
  outcome_.message = concat(why, ", strategy ", config_.strategy.name, ", lr ", config_.train.lr,
                            "; use a smaller train.lr, or train.clip_norm, or look at the data");
}

// A finite loss says nothing of the weights that its own step made: they are looked at before they are
// evaluated, saved or kept.
bool Trainer::check_weights(bool last) {
  const auto due = [this](std::int64_t every) { return every > 0 && state_.completed % every == 0; };
  if (!last && !due(evaluate_every_) && !due(checkpoint_every_)) return true;
  return all_finite(model_) ||
         roll_back(concat("the weights are not finite after update ", state_.completed));
}

void Trainer::maybe_checkpoint(bool last) {
  if (last || checkpoint_every_ == 0 || state_.completed % checkpoint_every_ != 0) return;
  if (config_.train.nan == "rollback") keep_snapshot(rollback_);
  if (sink_ != nullptr && seconds_since(last_checkpoint_) >= checkpoint_pause_) checkpoint();
}

void Trainer::checkpoint() {
  note_peak();
  state_.metrics_bytes = sink_->metrics_bytes();
  state_.phases_json = phase_records(outcome_);
  save_checkpoint(sink_->checkpoints(), {model_, *optimizer_, state_, best_, rollback_, identity_},
                  config_.train.keep_checkpoints);
  last_checkpoint_ = Clock::now();
}

// Evaluation is no part of what training needs: peaks are taken before it and started anew after. Snapshots
// are.
void Trainer::note_peak() {
  state_.peak_bytes = std::max(state_.peak_bytes, memory::usage(kCpu).total_peak - bytes_before_);
  memory::reset_peak(kCpu);
}

void Trainer::keep_snapshot(Snapshot& to) {
  to.clear();
  to = take_snapshot(model_);
}

}  // namespace thaw
