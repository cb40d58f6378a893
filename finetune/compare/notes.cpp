#include "finetune/compare/notes.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/common/units.h"
#include "finetune/compare/baselines.h"
#include "finetune/run/run_report.h"
#include "kernels/kernels.h"

namespace thaw {
namespace {

constexpr double kMissed = 0.2;  // share of the budget

}  // namespace

void check_comparable(const Config& config, const PreparedData& loaded) {
  if (loaded.test->size() == 0)
    fail_input("there are no test data to compare on (", config.path,
               "); set data.test, or data.test_fraction above 0");
  if (config.train.steps == 0 && config.train.epochs == 0)
    fail_input("runs of no update are not compared (train.epochs = 0, ", config.path,
               "); set train.epochs above 0");
  if (loaded.validation->size() == 0 && config.compare.tune > 0)
    fail_input("there are no validation data to choose learning rates on (", config.path,
               "); set data.validation or data.validation_fraction, or use --no-tune");
}

void note_machine(CompareOutcome& outcome) {
  outcome.cpu = cpu_name();
  outcome.threads = num_threads();
}

std::string machine_of(const CompareOutcome& outcome) {
  return concat(outcome.cpu, ", ", outcome.threads, outcome.threads == 1 ? " thread" : " threads");
}

std::vector<std::string> machine_notes(const std::vector<ReportedRun>& runs) {
  std::map<std::string, std::int64_t> runs_on;
  for (const ReportedRun& run : runs)
    if (!run.machine.empty() && run.status != RunStatus::failed) ++runs_on[run.machine];
  if (runs_on.size() < 2) return {};
  std::vector<std::string> counts;
  counts.reserve(runs_on.size());
  for (const auto& [machine, count] : runs_on)
    counts.push_back(concat(count, count == 1 ? " run" : " runs", " on ", machine));
  return {"warning: seconds are not on equal terms: " + joined(counts, "; ")};
}

std::vector<std::string> config_notes(const Config& config, const ModelSource& source) {
  std::vector<std::string> notes;
  if (!source.is_pretrained())
    notes.push_back(
        concat("the network begins with random weights (model.from = ", in_quotes(config.model.from),
               "): there is nothing learnt for freezing to keep; give a folder that `thaw train` wrote"));
  const std::vector<std::string>& compared = config.compare.strategies;
  const std::string& own = config.strategy.name;
  if (own != "full" && std::find(compared.begin(), compared.end(), own) == compared.end()) {
    std::string names;
    for (const std::string& name : compared) names += name + ",";
    notes.push_back(concat("the strategy ", in_quotes(own),
                           " of [strategy] is not compared; add it: --strategies ", names, own));
  }
  return notes;
}

std::string earlier_evaluations_note(const std::vector<std::string>& evaluations) {
  return concat("exploratory: these test data were evaluated on before (", evaluations.size(),
                evaluations.size() == 1 ? " time" : " times", ", last by ", evaluations.back(), ")");
}

std::string added_seeds_note(std::int64_t before, std::int64_t now) {
  return concat(now - before, " of ", now, " seeds were added when results were known",
                ": intervals and verdicts are those of a number that was fixed beforehand");
}

std::vector<std::string> budget_notes(const Budget& budget, std::int64_t runs) {
  if (budget.kind != Budget::Kind::seconds) return {};
  return {concat("the budget is of one run: training takes about ",
                 short_number(budget.amount * static_cast<double>(runs) / 60, 2), " minutes in ", runs,
                 " runs; evaluations, and short runs that measure the speed, come on top")};
}

std::vector<std::string> missed_budget_notes(const Budget& budget,
                                             const std::vector<StrategySummary>& summaries) {
  if (budget.kind != Budget::Kind::seconds) return {};
  std::vector<std::string> missed;
  for (const StrategySummary& s : summaries)
    if (s.lr > 0 && s.runs > s.failed && std::abs(s.seconds.mean - budget.amount) > kMissed * budget.amount)
      missed.push_back(concat(s.strategy, " ", short_number(s.seconds.mean, 2), " s"));
  if (missed.empty()) return {};
  return {concat("warning: the budget of ", short_number(budget.amount), " s was missed by more than 20 %: ",
                 joined(missed), " of training on average; the speed is measured on short runs")};
}

std::vector<std::string> closing_notes(const Budget& budget, const CompareOutcome& outcome) {
  std::vector<std::string> notes = missed_budget_notes(budget, outcome.summaries);
  for (std::string& note : machine_notes(outcome.runs)) notes.push_back(std::move(note));
  return notes;
}

}  // namespace thaw
