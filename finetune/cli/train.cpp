// `thaw train`: one run of one strategy.
#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "finetune/cli/commands.h"
#include "finetune/cli/output.h"
#include "finetune/common/json.h"
#include "finetune/common/text.h"
#include "finetune/common/text_table.h"
#include "finetune/common/units.h"
#include "finetune/plan/strategies/registry.h"
#include "finetune/run/prepare_data.h"
#include "finetune/run/run.h"
#include "finetune/run/run_folder.h"
#include "finetune/task/metrics_json.h"
#include "finetune/train/chrome_trace.h"
#include "finetune/train/prefix_setup.h"
#include "finetune/train/run_setup.h"
#include "finetune/train/step.h"
#include "finetune/train/trainer.h"
#include "nn/io/files.h"

namespace thaw::cli {
namespace {

constexpr double kShareToCalibrate = 0.03;

// The evaluation with the best train.monitor; null where there is none.
const Evaluation* best_evaluation(const RunResult& result, const Config& config) {
  const std::string name = config.train.monitor.substr(std::string("validation_").size());
  const Evaluation* best = nullptr;
  for (const Evaluation& evaluation : result.evaluations) {
    const double value = metric(evaluation.metrics, name);
    if (!std::isfinite(value)) continue;
    const double least = best == nullptr ? 0 : metric(best->metrics, name);
    if (best == nullptr || (higher_is_better(name) ? value > least : value < least)) best = &evaluation;
  }
  return best;
}

std::string best_text(const Evaluation& best, const RunResult& result, const Config& config) {
  const std::string name = config.train.monitor.substr(std::string("validation_").size());
  const bool is_last = best.step == result.completed;
  const bool kept = is_last || config.train.restore_best;
  return concat(config.train.monitor, " ", short_number(metric(best.metrics, name)), " after update ",
                best.step, is_last ? ", the last" : "",
                kept ? "" : "; the last weights are kept (train.restore_best = true keeps the best)");
}

// Of a whole run; 0 where the ledger says nothing, or the run ended before its last update.
double predicted_seconds(const RunResult& result) {
  const bool is_whole = !result.ledger.phases.empty() && result.ledger.phases.back().end == result.completed;
  return is_whole ? predicted_seconds(result.ledger) : 0;
}

std::string result_json(const RunResult& result, const std::string& folder, const Config& config) {
  const double predicted = predicted_seconds(result);
  Json best;
  if (const Evaluation* found = best_evaluation(result, config))
    best = {{"step", found->step}, {"metrics", metrics_json(found->metrics)}};
  return json_document(Json{{"folder", folder},
                            {"strategy", config.strategy.name},
                            {"status", status_name(result.status)},
                            {"updates", result.completed},
                            {"loss", json_number(result.last_loss)},
                            {"validation", metrics_json(result.validation)},
                            {"best", best},
                            {"test", metrics_json(result.test)},
                            {"seconds", result.train_seconds},
                            {"predicted_seconds", predicted > 0 ? Json(predicted) : Json(nullptr)},
                            {"flops", result.flops},
                            {"peak_bytes", result.peak_bytes},
                            {"trainable", result.trainable}});
}

// What the same updates would cost if they trained everything; the last of an epoch may be smaller.
double flops_of_everything(const RunResult& result, const RunRequest& request) {
  const PreparedData& data = request.data;
  LedgerPhase whole;
  whole.end = result.completed;
  whole.predicted = cost_of_everything(request.config, request.source, data);
  return flops_of(whole, make_batches(request.config.train, data.train.size()), result.completed);
}

std::string result_text(const RunResult& result, const std::string& folder, const Config& config,
                        double of_everything) {
  std::vector<TextRow> rows = {{"strategy", config.strategy.name},
                               {"status", status_name(result.status)},
                               {"updates", std::to_string(result.completed)},
                               {"loss", short_number(result.last_loss)}};
  for (const auto& [name, value] : result.validation)
    rows.push_back({"validation " + name, short_number(value)});
  if (const Evaluation* best = best_evaluation(result, config))
    rows.push_back({"best evaluation", best_text(*best, result, config)});
  for (const auto& [name, value] : result.test) rows.push_back({"test " + name, short_number(value)});
  if (result.skipped > 0) rows.push_back({"skipped updates", std::to_string(result.skipped)});
  if (result.rollbacks > 0) rows.push_back({"rollbacks", std::to_string(result.rollbacks)});
  const double predicted = result.train_seconds >= 1 ? predicted_seconds(result) : 0;
  rows.push_back(
      {"training", concat(seconds_text(result.train_seconds),
                          predicted > 0 ? concat(" (predicted: ", seconds_text(predicted), ")") : "")});
  rows.push_back(
      {"work", concat(flops_text(result.flops), ", ",
                      percent_text(result.flops / std::max(of_everything, 1.0)), " of training everything")});
  rows.push_back({"peak memory", bytes_text(static_cast<double>(result.peak_bytes))});
  rows.push_back({"run folder", folder});
  return text_table(rows);
}

std::string resume_command(const Arguments& arguments, const std::string& folder) {
  std::string command = command_line("train", arguments);
  if (!arguments.strategy.empty()) command += " --strategy " + for_shell(arguments.strategy);
  return command + " --out " + for_shell(folder) + " --resume";
}

// Evaluations as the rows of a table: some twenty a run however often it evaluates, the last one among them.
class EvaluationRows {
 public:
  EvaluationRows(const Config& config, Progress& progress) : progress_(progress) {
    metrics_ = find_task(config.data.task).shown_metrics();
    const std::string monitored = config.train.monitor.substr(std::string("validation_").size());
    if (std::find(metrics_.begin(), metrics_.end(), monitored) == metrics_.end())
      metrics_.push_back(monitored);
  }

  void add(const Moment& now, const Metrics& metrics) {
    pending_ = row_of(now, metrics);
    pending_at_ = now.completed;
    const std::int64_t total = now.plan.run().total_updates;
    const std::int64_t slot = now.completed * kMostRows / std::max<std::int64_t>(total, 1);
    if (slot == slot_ && now.phase == phase_ && now.completed < total) return;
    slot_ = slot;
    phase_ = now.phase;
    show_pending();
  }

  // The last one of a run that ended before its last update.
  void finish() {
    if (!pending_.empty()) show_pending();
  }

 private:
  static constexpr std::int64_t kMostRows = 20;

  static std::string cell(const std::string& text, std::size_t width) {
    return std::string(width - std::min(text.size(), width), ' ') + text;
  }
  std::size_t width_of(const std::string& metric) const { return std::max<std::size_t>(metric.size(), 8); }

  std::string heading() const {
    std::string line = cell("epoch", 7) + cell("update", 9) + cell("loss", 10) + "  validation:";
    for (const std::string& name : metrics_) line += "  " + cell(name, width_of(name));
    return line + cell("lr", 10) + "  phase";
  }

  std::string row_of(const Moment& now, const Metrics& metrics) const {
    const double epoch =
        static_cast<double>(now.completed) / static_cast<double>(now.plan.run().updates_per_epoch);
    std::string line = cell(short_number(epoch, 4), 7) + cell(std::to_string(now.completed), 9) +
                       cell(short_number(now.loss), 10) + cell("", 13);
    for (const std::string& name : metrics_)
      line += "  " + cell(short_number(metric(metrics, name)), width_of(name));
    return line + cell(short_number(now.lr, 3), 10) +
           concat("  ", now.phase + 1, " of ", now.plan.phases().size());
  }

  void show_pending() {
    if (!has_heading_) progress_.row(heading(), pending_at_);
    has_heading_ = true;
    progress_.row(pending_, pending_at_);
    pending_.clear();
  }

  Progress& progress_;
  std::vector<std::string> metrics_;
  std::string pending_;
  std::int64_t pending_at_ = 0;
  std::int64_t slot_ = -1;
  int phase_ = -1;
  bool has_heading_ = false;
};

}  // namespace

std::string command_line(const std::string& command, const Arguments& arguments) {
  std::string line = "thaw " + command + " " + for_shell(arguments.config);
  for (const std::string& text : arguments.set) line += " --set " + for_shell(text);
  if (arguments.threads > 0) line += concat(" --threads ", arguments.threads);
  if (arguments.allow_missing) line += " --allow-missing";
  return line;
}

void check_strategy(const std::string& name, const char* option) {
  try {
    find_strategy(name);
  } catch (const InputError& error) {
    const std::string message = error.what();
    const std::size_t what_ends = std::min(message.find("; "), message.size());
    fail_input(message.substr(0, what_ends), " (", option, ")", message.substr(what_ends));
  }
}

namespace {

Config config_of(const Arguments& arguments) {
  if (arguments.strategy.empty()) return load_config(arguments.config, arguments.set);
  check_strategy(arguments.strategy, "--strategy");
  std::vector<std::string> set = arguments.set;
  // Options that are set are those of this strategy, not of the config's or of a file's.
  const auto is_option = [](const std::string& text) { return text.starts_with("strategy."); };
  const auto first = std::find_if(set.begin(), set.end(), is_option);
  if (first != set.end()) set.insert(first, "strategy.name=" + arguments.strategy);
  Config config = load_config(arguments.config, set);
  config.strategy = strategy_request(config, arguments.strategy);
  return config;
}

}  // namespace

Config read_config(const Arguments& arguments) {
  Config config = config_of(arguments);
  for (const std::string& note : config.notes) Progress().message(note);
  return config;
}

int train(const Arguments& arguments) {
  if (arguments.resume && arguments.out.empty())
    fail_input("--resume does not know which run to go on with (thaw train); name its folder with --out");
  if (!arguments.trace.empty()) check_output(arguments.trace, "--trace");
  const auto began = Clock::now();
  const Config config = read_config(arguments);
  const ModelSource source = open_source(config.model);
  const PreparedData data = prepare_data(config, source, config.train.seed, false, false);
  RunRequest request{.config = config, .source = source, .data = data, .began = began};
  request.out = arguments.out.empty() ? default_run_path(request.config.name) : arguments.out;
  request.resume = arguments.resume;
  request.allow_missing = arguments.allow_missing;
  request.calibration = Calibration::Limits{.share_of_run = kShareToCalibrate};
  request.version = THAW_VERSION;
  request.compiler = THAW_COMPILER;
  ChromeTrace trace;
  bool wants_trace = !arguments.trace.empty();
  if (wants_trace) request.hooks.trace = &trace;
  request.hooks.stop = &stop_token;
  RunResult result;
  {
    Progress progress(true);
    EvaluationRows rows(request.config, progress);
    request.hooks.evaluated = [&](const Moment& now, const Metrics& metrics) { rows.add(now, metrics); };
    request.hooks.message = [&](const std::string& text) { progress.message(text); };
    const auto prefixes = open_prefix_store(config.train, request.hooks.message);
    request.prefixes = prefixes.get();
    request.hooks.progress = [&](const Moment& now) {
      progress.show(now.completed, now.plan.run().total_updates, "loss " + short_number(now.loss));
      if (!wants_trace || !trace.complete()) return;
      atomic_write(arguments.trace, trace.json());
      wants_trace = false;
    };
    result = run_training(request);
    rows.finish();
    if (wants_trace)
      progress.message("no update was traced (--trace): the run did not pass one that the ledger measures");
  }
  if (result.was_finished) {
    if (result.status != RunStatus::ok)
      fail("the run diverged (", request.out, "/run.json); choose another --out and a smaller train.lr");
    Progress().message("the run in " + request.out + " has come to its end: nothing to do");
    return 0;
  }
  if (result.status == RunStatus::interrupted) {
    Progress().message(
        concat("interrupted after ", result.completed,
               " updates, which are saved; go on with: ", resume_command(arguments, request.out)));
    return 128 + stop_token.signal();
  }
  print(arguments.json ? result_json(result, request.out, config)
                       : result_text(result, request.out, config, flops_of_everything(result, request)));
  for (const std::string& question : data.questions) Progress().message(question);
  if (result.status == RunStatus::diverged) fail(result.message);
  return 0;
}

}  // namespace thaw::cli
