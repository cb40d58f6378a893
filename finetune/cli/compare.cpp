// `thaw compare`: strategies on equal terms.
#include "finetune/compare/compare.h"
#include "finetune/report/study_files.h"
#include "finetune/report/summary_text.h"
#include "finetune/train/trainer.h"

#include <algorithm>
#include <set>

#include "core/error.h"
#include "finetune/cli/commands.h"
#include "finetune/cli/output.h"
#include "finetune/cli/workers.h"
#include "finetune/common/text.h"
#include "finetune/compare/models.h"
#include "finetune/compare/study.h"
#include "finetune/compare/with_budget.h"
#include "finetune/config/config_checks.h"
#include "finetune/run/run_folder.h"
#include "finetune/train/prefix_setup.h"
#include "nn/io/files.h"

namespace thaw::cli {

namespace {

// The command line wins over the config, in every cell.
void apply_options(const Arguments& arguments, CompareSection& section) {
  if (!arguments.strategies.empty()) section.strategies = arguments.strategies;
  section.seeds = arguments.seeds.value_or(section.seeds);
  section.tune = arguments.tune.value_or(section.tune);
  if (!arguments.budget.empty()) section.budget = arguments.budget;
}

// What the config predicts of strategies that the command line leaves out cannot be judged. Returns these.
std::vector<std::string> drop_prediction(const Arguments& arguments, CompareSection& section) {
  std::vector<std::string> left_out = predicted_but_not_compared(section);
  if (arguments.strategies.empty() || left_out.empty()) return {};
  section.predict.clear();
  section.prediction.clear();
  return left_out;
}

struct Result {
  std::string text, json_file, models;
  bool interrupted = false, all_ok = false;
  std::vector<std::string> questions = {};
};

// Trains it again, on the test part of the training file too where the config names no test data.
std::string refit_command(const Arguments& arguments, const Config& config, const StrategySummary& summary,
                          const std::string& out) {
  std::string command =
      concat("thaw train ", for_shell(arguments.config), " --strategy ", for_shell(summary.strategy));
  for (const std::string& text : arguments.set)
    // Options of another strategy are not this one's, and what is chosen below wins anyway.
    if (!text.starts_with("strategy.") || summary.strategy == config.strategy.name)
      command += " --set " + for_shell(text);
  for (const std::string& text : summary.settings) command += " --set " + for_shell(text);
  if (arguments.allow_missing) command += " --allow-missing";
  return command + " --out " + for_shell(concat(out, '-', summary.strategy));
}

// Where the models are, and how to use the best or to train it again.
std::string models_text(const Arguments& arguments, const Config& config, const CompareOutcome& outcome,
                        const std::string& out) try {
  const ComparedModel model = find_compared_model(out);
  const auto summary = std::find_if(outcome.summaries.begin(), outcome.summaries.end(),
                                    [&](const StrategySummary& s) { return s.strategy == model.strategy; });
  return concat("Models: ", out, "/STRATEGY/seed-N; ", model.strategy, "/seed-", model.seed, " is ",
                model.why, ".\n  use it:      thaw predict --model ", for_shell(model.folder),
                " --input FILE\n  train again: ", refit_command(arguments, config, *summary, out), "\n");
} catch (const InputError& error) {  // no run ended well, or there were no validation data
  const std::string message = error.what();
  return concat("Models: none to use: ", message.substr(0, message.find(" (")), ".\n");
}

Result result_of(const Arguments& arguments, const Config& config, const CompareOutcome& outcome,
                 const std::string& out) {
  Result result{summary_text(outcome, terminal_width()), out + "/results.json", "", outcome.interrupted,
                outcome.all_ok()};
  result.questions = outcome.questions;
  if (!outcome.interrupted) result.models = models_text(arguments, config, outcome, out);
  return result;
}

Result result_of(const StudyOutcome& outcome, const std::string& out) {
  return {study_text(outcome), out + "/study.json", "", outcome.interrupted, outcome.all_ok()};
}

}  // namespace

int compare(const Arguments& arguments) {
  for (const std::string& name : arguments.strategies) check_strategy(name, "--strategies");
  if (!arguments.budget.empty()) parse_budget(arguments.budget);
  StudyRequest request;
  request.study = load_study(arguments.config, arguments.set);
  std::set<std::string> left_out;
  for (StudyCell& cell : request.study.cells) {
    apply_options(arguments, cell.config.compare);
    for (const std::string& name : drop_prediction(arguments, cell.config.compare)) left_out.insert(name);
  }
  const Config& config = request.study.cells[0].config;
  CompareRequest& compare = request.compare;
  compare.config = config;
  compare.out = arguments.out.empty() ? default_run_path(config.name) : arguments.out;
  compare.resume = arguments.resume;
  compare.allow_missing = arguments.allow_missing;
  compare.version = THAW_VERSION;
  compare.compiler = THAW_COMPILER;
  Result result;
  {
    Progress progress;
    WorkerProcesses workers(arguments, compare.out);
    if (arguments.workers > 1) share_machine(arguments);
    compare.stop = &stop_token;
    compare.message = [&](const std::string& text) { progress.message(text); };
    compare.progress = [&](const CompareProgress& now) {
      workers.start();  // the folder is there
      if (now.done > 0) progress.show(now.done, now.total, now.what, now.seconds_left);
    };
    for (const std::string& note : config.notes) progress.message(note);
    if (!left_out.empty())
      progress.message(concat("the prediction is left out: it names ",
                              name_list({left_out.begin(), left_out.end()}),
                              ", which --strategies leaves out"));
    const auto prefixes = open_prefix_store(config.train, compare.message);
    compare.prefixes = prefixes.get();
    result = request.study.axes.empty() ? result_of(arguments, config, thaw::compare(compare), compare.out)
                                        : result_of(run_study(request), compare.out);
    if (result.interrupted) workers.stop();
    for (const std::string& text : workers.wait()) progress.message(text);
  }
  if (result.interrupted) {
    Progress().message(concat("interrupted; go on with: thaw compare ", for_shell(arguments.config),
                              " --out ", for_shell(compare.out), " --resume (and the same options)"));
    return 128 + stop_token.signal();
  }
  print(arguments.json ? read_file(result.json_file, std::int64_t{1} << 30)
                       : concat(result.text, "Report: ", compare.out, "/report.html\n", result.models));
  for (const std::string& question : result.questions) Progress().message(question);
  if (!result.all_ok)
    fail("some runs diverged or failed (", compare.out, ", column status of results.csv",
         "); look at the messages above, and lower train.lr where a loss grew");
  return 0;
}

}  // namespace thaw::cli
