#include "finetune/run/run.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>

#include "finetune/common/clock.h"
#include "finetune/common/text.h"
#include "finetune/common/units.h"
#include "finetune/config/chosen_metrics.h"
#include "finetune/config/config_text.h"
#include "finetune/model/adapter_folder.h"
#include "finetune/model/starting_model.h"
#include "finetune/plan/adapters.h"
#include "finetune/plan/plan_warnings.h"
#include "finetune/plan/strategies/registry.h"
#include "finetune/run/event_file.h"
#include "finetune/run/further_metrics.h"
#include "finetune/run/run_folder.h"
#include "finetune/run/run_report.h"
#include "finetune/run/test_evaluations.h"
#include "finetune/task/class_weight.h"
#include "finetune/task/evaluate.h"
#include "finetune/train/checkpoint.h"
#include "finetune/train/ledger_output.h"
#include "finetune/train/metrics_log.h"
#include "finetune/train/run_setup.h"
#include "nn/io/sha256.h"
#include "nn/models/transformer.h"

namespace thaw {
namespace {

namespace fs = std::filesystem;

Config resolved_config(const RunRequest& request, const Strategy& strategy) {
  Config resolved = request.config;
  if (!resolved.train.schedule) resolved.train.schedule = strategy.schedule.value_or(ScheduleKind::constant);
  return resolved;
}

// What was begun belongs to one config; but a config.toml beside which no run has been is the user's own.
void check_same_run(const RunFolder& folder, const std::string& toml) {
  const std::string path = folder.file("config.toml");
  if (!fs::exists(path)) return;
  const std::string then = read_file(path, 1 << 24);
  if (folder.finished() || fs::exists(folder.file("metrics.jsonl")) || fs::exists(folder.checkpoints()))
    return check_same_config(then, toml, path);
  if (then != toml)
    fail_input("the folder has a config.toml that no run has written (", path, "); choose another --out");
}

// Whether the folder's run is one of this config. A comparison compares its own config, which its runs have:
// where it names other strategies or folders since, a run that was under way begins anew.
bool goes_on(const RunFolder& folder, const std::string& toml) {
  const std::string path = folder.file("config.toml");
  if (!fs::exists(path) || read_file(path, 1 << 24) == toml) return true;
  remove_folder(folder.checkpoints());
  return false;
}

// The folder whose weights are those that the adapters stand beside; null where there is none.
const ModelFolder* base_of(const ModelSource& source, const PreparedModel& prepared) {
  return source.starts_from_folder() && !prepared.init_changed_base ? source.folder.get() : nullptr;
}

void write_weights(const RunRequest& request, const Strategy& strategy, const RunFolder& folder,
                   PreparedModel& prepared) {
  const PreparedData& data = request.data;
  const bool inputs_of_folder = has_own_lengths(prepared.config) || data.scaling == Scaling::model;
  const bool low_rank = strategy.adapters && strategy.adapters->is_low_rank();
  if (low_rank)
    write_adapter_folder(folder.file("adapter"), *prepared.model, *strategy.adapters, prepared.config,
                         data.preprocess, base_of(request.source, prepared));
  Preprocess preprocess = data.preprocess;
  preprocess.has_folded = low_rank;
  write_model_folder(folder.path(), prepared.config, preprocess, merged_weights(*prepared.model),
                     inputs_of_folder ? request.source.folder.get() : nullptr);
}

void write_results(const RunRequest& request, const Config& resolved, const Strategy& strategy,
                   const RunFolder& folder, PreparedModel& prepared, const RunResult& result,
                   RunContext context) {
  // Weights that diverged are no model: nobody should predict with them.
  if (result.status == RunStatus::ok) write_weights(request, strategy, folder, prepared);
  atomic_write(folder.file("ledger.json"), ledger_json(result.ledger));
  // TensorBoard knows its files by "tfevents" in their name.
  std::ifstream metrics(folder.file("metrics.jsonl"), std::ios::binary);
  atomic_write(folder.file("events.out.tfevents.0.thaw"), event_file(metrics));
  context.version = request.version;
  context.compiler = request.compiler;
  context.model = request.config.model.from;
  context.test_hash = request.data.test_hash;
  // Last: its presence says that the run came to its end.
  atomic_write(folder.file("run.json"), run_json(resolved, result, context));
}

void say_notes(const RunRequest& request, const std::vector<std::string>& notes) {
  for (const std::string& note : notes)
    if (request.hooks.message) request.hooks.message(note);
}

// The one test evaluation, once the run has ended.
void judge_on_test(const RunRequest& request, Model& model, PrefixCache* cache, RunResult& result) {
  const Config& config = request.config;
  const PreparedData& data = request.data;
  const Outputs outputs = predict_all(model, data.test, cache);
  result.test = compute_metrics(*data.task, outputs, data.test);
  result.test_scores = example_scores(*data.task, outputs, data.test, compared_metric(config).name);
  result.confusion = confusion_of(outputs, data.test);
  add_further_metrics(
      config, data, [&](const Dataset& part) { return predict_all(model, part, cache); }, result.test);
  if (config.compare.neighbours > 0) {
    const PreparedModel before =
        prepare_model(request.source, data, config.train.seed, request.allow_missing);
    result.test.emplace_back("neighbours_kept",
                             neighbours_kept(*before.model, model, data.test, config.compare.neighbours));
  }
  result.test_evaluations = 1;
}

// What the user should know before it trains.
void say_what_is_odd(const RunRequest& request, const PreparedModel& prepared, const RunSetup& setup) {
  const Strategy& strategy = setup.strategy;
  const PreparedData& data = request.data;
  say_notes(request, data.notes);
  say_notes(request, prepared.notes);
  say_notes(request, strategy.warnings);
  if (request.is_compared) return;  // a comparison says the rest once for all of its runs
  say_notes(request, plan_warnings(setup.plan, setup.learning_rate(request.config.train), {}, false));
  const std::string weights =
      class_weights_text(class_weights(request.config.train.class_weight, data.train), data.train);
  if (!weights.empty()) say_notes(request, {weights});
  const std::string undefined =
      data.validation->size() > 0 ? undefined_metrics(*data.task, data.validation) : "";
  if (!undefined.empty()) say_notes(request, {"on the validation data " + undefined});
  if (strategy.adapters && strategy.adapters->is_low_rank())
    say_notes(request, notes_of_peft_names(data.preprocess.labels, base_of(request.source, prepared)));
  const std::string& pooling = prepared.config.transformer.pooling;
  const std::string own = own_pooling(prepared.config);
  if (takes_text(prepared.config) && pooling != own)
    say_notes(request, {concat("the head takes ", in_quotes(pooling), ", where transformers and PEFT have ",
                               in_quotes(own),
                               ": to use the model there, train with model.pooling = ", in_quotes(own))});
}

void say_how_long(const RunRequest& request, const Ledger& ledger) {
  constexpr double kWorthSaying = 10;  // seconds
  const double seconds = predicted_seconds(ledger);
  if (seconds > kWorthSaying)
    say_notes(request, {concat("about ", seconds_text(seconds), " of training, without evaluations")});
}

}  // namespace

RunResult run_training(const RunRequest& request) {
  const Config& config = request.config;
  const ModelSource& source = request.source;
  const PreparedData& data = request.data;
  // Model and plan are made first: a mistake in them must not leave a folder behind.
  const bool judge = request.evaluate_test && data.test->size() > 0;
  if (judge) {
    check_further_metrics(config, data.test);
    check_compared_metric(config, data);
  }
  // A comparison registers all of its evaluations at once.
  const bool registers = judge && !request.out.empty() && !request.is_compared;
  if (registers) check_can_record(registered_name(request.out));
  RunSetup setup = set_up_run(config, source, data);
  setup.is_one_of_many = request.is_compared;
  const Strategy& strategy = setup.strategy;
  const Config resolved = resolved_config(request, strategy);
  RunContext context;
  // Before there is a model of the run: two would need more memory than it does.
  if (request.calibration && !(request.resume && fs::exists(fs::path(request.out) / "run.json"))) {
    const auto start = Clock::now();
    setup.calibration = std::make_shared<const Calibration>(resolved, setup, data.train, *request.calibration,
                                                            request.hooks.stop);
    context.calibration_seconds = seconds_since(start);
  }
  PreparedModel prepared = prepare_model(setup, source, data, config.train.seed, request.allow_missing);
  Trainer trainer(resolved, setup, *prepared.model, data, request.hooks);
  if (request.prefixes != nullptr) trainer.keep_prefixes_in(*request.prefixes);
  bool resume = request.resume;
  std::unique_ptr<RunFolder> folder;
  if (!request.out.empty()) {
    folder = std::make_unique<RunFolder>(request.out, request.resume);
    const std::string toml = to_toml(resolved);
    if (resume && !request.is_compared) check_same_run(*folder, toml);
    if (resume && request.is_compared) resume = goes_on(*folder, toml);
    if (folder->finished()) {
      RunResult before;
      before.status = recorded_status(read_file(folder->file("run.json"), 1 << 28));
      before.was_finished = true;
      return before;
    }
    atomic_write(folder->file("config.toml"), toml);
    trainer.write_to(*folder, prepared.config);
    trainer.space_checkpoints(request.checkpoint_pause);
  }
  std::optional<LayerStatistics> layers;
  if (request.layer_statistics) trainer.add(layers.emplace(*prepared.model, setup.plan.run().total_updates));
  say_what_is_odd(request, prepared, setup);
  say_how_long(request, trainer.ledger());
  context.load_seconds = seconds_since(request.began) - context.calibration_seconds;
  RunResult result = trainer.run(resume);
  if (layers) result.layer_samples = layers->samples();
  if (result.status == RunStatus::interrupted) {
    if (request.prefixes != nullptr) request.prefixes->flush();
    return result;
  }
  if (judge && result.status == RunStatus::ok) {
    if (registers)
      record_test_evaluation(
          {data.test_hash, registered_name(request.out), sha256_hex(to_toml(resolved)), now_utc()});
    const auto start = Clock::now();
    judge_on_test(request, *prepared.model, trainer.prefix_cache(), result);
    context.test_seconds = seconds_since(start);
    const std::int64_t last = std::max<std::int64_t>(result.completed - 1, 0);
    if (folder)
      folder->append_metrics(
          evaluation_line(result.completed, "test", result.test, setup.plan.phase_at(last, result.triggers)));
  }
  if (request.prefixes != nullptr) request.prefixes->flush();
  if (folder) write_results(request, resolved, strategy, *folder, prepared, result, std::move(context));
  return result;
}

}  // namespace thaw
