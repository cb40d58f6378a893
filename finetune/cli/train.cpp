// `thaw train`: one run of one strategy.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "finetune/chrome_trace.h"
#include "finetune/cli/commands.h"
#include "finetune/cli/output.h"
#include "finetune/data/text.h"
#include "finetune/metrics_json.h"
#include "finetune/run.h"
#include "finetune/text_table.h"
#include "finetune/units.h"
#include "nn/files.h"

namespace thaw::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string result_json(const RunResult& result, const Config& config) {
  const RunOutcome& outcome = result.outcome;
  return Json{{"folder", result.folder},
              {"strategy", config.strategy.name},
              {"status", status_name(outcome.status)},
              {"updates", outcome.completed},
              {"loss", json_number(outcome.last_loss)},
              {"validation", metrics_json(outcome.validation)},
              {"test", metrics_json(result.test)},
              {"seconds", outcome.train_seconds},
              {"flops", outcome.flops},
              {"peak_bytes", outcome.peak_bytes},
              {"trainable", outcome.trainable}}
             .dump(2) +
         "\n";
}

std::string result_text(const RunResult& result, const Config& config) {
  const RunOutcome& outcome = result.outcome;
  std::vector<TextRow> rows = {{"strategy", config.strategy.name},
                               {"status", status_name(outcome.status)},
                               {"updates", std::to_string(outcome.completed)},
                               {"loss", short_number(outcome.last_loss)}};
  for (const auto& [name, value] : outcome.validation)
    rows.push_back({"validation " + name, short_number(value)});
  for (const auto& [name, value] : result.test) rows.push_back({"test " + name, short_number(value)});
  if (outcome.skipped > 0) rows.push_back({"skipped updates", std::to_string(outcome.skipped)});
  if (outcome.rollbacks > 0) rows.push_back({"rollbacks", std::to_string(outcome.rollbacks)});
  rows.push_back({"training", short_number(outcome.train_seconds) + " s"});
  rows.push_back({"work", flops_text(outcome.flops)});
  rows.push_back({"peak memory", bytes_text(static_cast<double>(outcome.peak_bytes))});
  rows.push_back({"run folder", result.folder});
  return text_table(rows);
}

std::string resume_command(const Arguments& arguments, const std::string& folder) {
  std::string command = "thaw train " + for_shell(arguments.config);
  if (!arguments.strategy.empty()) command += " --strategy " + for_shell(arguments.strategy);
  for (const std::string& text : arguments.set) command += " --set " + for_shell(text);
  if (arguments.threads > 0) command += concat(" --threads ", arguments.threads);
  if (arguments.allow_missing) command += " --allow-missing";
  return command + " --out " + for_shell(folder) + " --resume";
}

}  // namespace

void check_strategy(const std::string& name, const char* option) {
  try {
    find_strategy(name);
  } catch (const InputError& error) {
    const std::string message = error.what();
    const std::size_t what_ends = std::min(message.find("; "), message.size());
    fail_input(message.substr(0, what_ends), " (", option, ")", message.substr(what_ends));
  }
}

Config read_config(const Arguments& arguments) {
  if (arguments.strategy.empty()) return load_config(arguments.config, arguments.set);
  check_strategy(arguments.strategy, "--strategy");
  std::vector<std::string> set = arguments.set;
  // Options that are set are those of this strategy, not of the config's.
  const auto is_option = [](const std::string& text) { return text.starts_with("strategy."); };
  if (std::any_of(set.begin(), set.end(), is_option))
    set.insert(set.begin(), "strategy.name=" + arguments.strategy);
  Config config = load_config(arguments.config, set);
  config.strategy = strategy_request(config, arguments.strategy);
  return config;
}

int train(const Arguments& arguments) {
  if (arguments.resume && arguments.out.empty())
    fail_input("--resume does not know which run to go on with (thaw train); name its folder with --out");
  if (!arguments.trace.empty()) check_output(arguments.trace, "--trace");
  RunRequest request;
  request.config = read_config(arguments);
  request.out = arguments.out.empty() ? default_run_path(request.config.name) : arguments.out;
  request.resume = arguments.resume;
  request.allow_missing = arguments.allow_missing;
  request.version = THAW_VERSION;
  request.compiler = THAW_COMPILER;
  ChromeTrace trace;
  bool wants_trace = !arguments.trace.empty();
  if (wants_trace) request.hooks.trace = &trace;
  RunResult result;
  {
    Progress progress;
    request.hooks.message = [&](const std::string& text) { progress.message(text); };
    request.hooks.progress = [&](const TrainProgress& now) {
      progress.show(now.completed, now.total, "loss " + short_number(now.loss));
      if (!wants_trace || !trace.complete()) return;
      atomic_write(arguments.trace, trace.json());
      wants_trace = false;
    };
    for (const std::string& note : request.config.notes) progress.message(note);
    result = run_training(request);
    if (wants_trace)
      progress.message("no update was traced (--trace): the run did not pass one that the ledger measures");
  }
  if (result.was_finished) {
    if (result.outcome.status != RunStatus::ok)
      fail("the run diverged (", request.out, "/run.json); choose another --out and a smaller train.lr");
    Progress().message("the run in " + request.out + " has come to its end: nothing to do");
    return 0;
  }
  if (result.outcome.status == RunStatus::interrupted) {
    Progress().message(
        concat("interrupted after ", result.outcome.completed,
               " updates, which are saved; go on with: ", resume_command(arguments, request.out)));
    return 128 + stop_signal;
  }
  print(arguments.json ? result_json(result, request.config) : result_text(result, request.config));
  if (result.outcome.status == RunStatus::diverged) fail(result.outcome.message);
  return 0;
}

}  // namespace thaw::cli
