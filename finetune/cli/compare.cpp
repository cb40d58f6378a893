// `thaw compare`: strategies on equal terms.
#include "finetune/compare/compare.h"

#include "core/error.h"
#include "finetune/cli/commands.h"
#include "finetune/cli/output.h"
#include "finetune/compare/budget.h"
#include "finetune/run_folder.h"
#include "nn/files.h"

namespace thaw::cli {

int compare(const Arguments& arguments) {
  CompareRequest request;
  request.config = load_config(arguments.config, arguments.set);
  for (const std::string& name : arguments.strategies) check_strategy(name, "--strategies");
  CompareSection& section = request.config.compare;
  if (!arguments.strategies.empty()) section.strategies = arguments.strategies;
  section.seeds = arguments.seeds.value_or(section.seeds);
  section.tune = arguments.tune.value_or(section.tune);
  request.out = arguments.out.empty() ? default_run_path(request.config.name) : arguments.out;
  if (!arguments.budget.empty()) {
    parse_budget(arguments.budget);
    section.budget = arguments.budget;
  }
  request.resume = arguments.resume;
  request.allow_missing = arguments.allow_missing;
  request.version = THAW_VERSION;
  request.compiler = THAW_COMPILER;
  CompareOutcome outcome;
  {
    Progress progress;
    request.message = [&](const std::string& text) { progress.message(text); };
    request.progress = [&](std::int64_t done, std::int64_t total, const std::string& what) {
      if (done > 0) progress.show(done, total, what);
    };
    for (const std::string& note : request.config.notes) progress.message(note);
    outcome = thaw::compare(request);
  }
  if (outcome.interrupted) {
    Progress().message(concat("interrupted; go on with: thaw compare ", arguments.config, " --out ",
                              request.out, " --resume (and the same options)"));
    return 128 + stop_signal;
  }
  print(arguments.json ? read_file(request.out + "/results.json", std::int64_t{1} << 30)
                       : summary_text(outcome) + "Report: " + request.out + "/report.html\n");
  if (!outcome.all_ok())
    fail("some runs diverged or failed (", request.out,
         "/results.csv, column status); lower train.lr or look at the messages above");
  return 0;
}

}  // namespace thaw::cli
