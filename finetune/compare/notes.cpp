#include "finetune/compare/notes.h"

#include <algorithm>
#include <cmath>

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

std::vector<std::string> budget_notes(const Budget& budget, std::int64_t runs) {
  if (budget.kind != Budget::Kind::seconds) return {};
  return {concat("the budget is of one run: training takes about ",
                 short_number(budget.amount * static_cast<double>(runs) / 60, 2), " minutes in ", runs,
                 " runs; evaluations, and short runs that measure the speed, come on top")};
}

std::vector<std::string> missed_budget_notes(const Budget& budget,
                                             const std::vector<StrategySummary>& summaries) {
  if (budget.kind != Budget::Kind::seconds) return {};
  std::string missed;
  for (const StrategySummary& s : summaries)
    if (s.lr > 0 && s.runs > s.failed && std::abs(s.seconds.mean - budget.amount) > kMissed * budget.amount)
      missed += concat(missed.empty() ? "" : ", ", s.strategy, " ", short_number(s.seconds.mean, 2), " s");
  if (missed.empty()) return {};
  return {concat("warning: the budget of ", short_number(budget.amount), " s was missed by more than 20 %: ",
                 missed, " of training on average; the speed is measured on short runs")};
}

}  // namespace thaw
