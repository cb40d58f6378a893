// `thaw compare`: strategies on equal terms.
#include "finetune/compare/compare.h"

#include "core/error.h"
#include "finetune/cli/commands.h"
#include "finetune/cli/output.h"
#include "finetune/compare/budget.h"
#include "finetune/run_folder.h"
#include "finetune/study/study.h"
#include "nn/files.h"

namespace thaw::cli {

namespace {

// The command line wins over the config, in every cell.
void apply_options(const Arguments& arguments, CompareSection& section) {
  if (!arguments.strategies.empty()) section.strategies = arguments.strategies;
  section.seeds = arguments.seeds.value_or(section.seeds);
  section.tune = arguments.tune.value_or(section.tune);
  if (!arguments.budget.empty()) section.budget = arguments.budget;
}

struct Result {
  std::string text, json_file;
  bool interrupted = false, all_ok = false;
};

Result result_of(const CompareOutcome& outcome, const std::string& out) {
  return {summary_text(outcome, terminal_width()), out + "/results.json", outcome.interrupted,
          outcome.all_ok()};
}

Result result_of(const StudyOutcome& outcome, const std::string& out) {
  return {study_text(outcome), out + "/study.json", outcome.interrupted, outcome.all_ok()};
}

}  // namespace

int compare(const Arguments& arguments) {
  for (const std::string& name : arguments.strategies) check_strategy(name, "--strategies");
  if (!arguments.budget.empty()) parse_budget(arguments.budget);
  StudyRequest request{load_study(arguments.config, arguments.set), {}};
  for (StudyCell& cell : request.study.cells) apply_options(arguments, cell.config.compare);
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
    compare.message = [&](const std::string& text) { progress.message(text); };
    compare.progress = [&](std::int64_t done, std::int64_t total, const std::string& what) {
      if (done > 0) progress.show(done, total, what);
    };
    for (const std::string& note : config.notes) progress.message(note);
    result = request.study.axes.empty() ? result_of(thaw::compare(compare), compare.out)
                                        : result_of(run_study(request), compare.out);
  }
  if (result.interrupted) {
    Progress().message(concat("interrupted; go on with: thaw compare ", arguments.config, " --out ",
                              compare.out, " --resume (and the same options)"));
    return 128 + stop_signal;
  }
  print(arguments.json ? read_file(result.json_file, std::int64_t{1} << 30)
                       : result.text + "Report: " + compare.out + "/report.html\n");
  if (!result.all_ok)
    fail("some runs diverged or failed (", compare.out, ", column status of results.csv",
         "); lower train.lr or look at the messages above");
  return 0;
}

}  // namespace thaw::cli
