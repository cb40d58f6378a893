#include "finetune/compare/models.h"

#include <cmath>
#include <filesystem>
#include <vector>

#include "core/error.h"
#include "finetune/common/json.h"
#include "finetune/common/text.h"
#include "finetune/common/units.h"
#include "finetune/task/evaluate.h"
#include "nn/io/files.h"

namespace thaw {
namespace {

struct Run {
  std::uint64_t seed = 0;
  std::string folder;
  double validation = NAN;  // negative where lower is better: more is better
};

// What a strategy's runs that ended well and are still there say.
struct ComparedStrategy {
  std::string strategy;
  bool is_baseline = false;
  std::vector<Run> runs;

  double mean_validation() const {
    double sum = 0;
    for (const Run& run : runs) sum += run.validation;
    return sum / static_cast<double>(runs.size());
  }
};

std::string results_file(const std::string& comparison) { return comparison + "/results.json"; }

Json read_results(const std::string& comparison) {
  const std::string path = results_file(comparison);
  if (!std::filesystem::exists(path))
    fail_input("the comparison has no results yet (", comparison,
               "); go on with it (thaw compare CONFIG --out ", comparison,
               " --resume), or give the folder of one of its runs, ", comparison, "/STRATEGY/seed-N");
  return Json::parse(read_file(path, std::int64_t{1} << 30));
}

std::vector<ComparedStrategy> candidates_of(const std::string& comparison) try {
  const Json json = read_results(comparison);
  const double sign = higher_is_better(json.value("metric", "")) ? 1 : -1;
  std::vector<ComparedStrategy> candidates;
  for (const Json& summary : json.value("strategies", Json::array())) {
    ComparedStrategy candidate{summary.value("strategy", ""), summary.value("baseline", false), {}};
    for (const Json& run : json.value("runs", Json::array())) {
      if (run.value("strategy", "") != candidate.strategy || run.value("status", "") != "ok") continue;
      const std::uint64_t seed = run.value("seed", std::uint64_t{0});
      const std::string folder = concat(comparison, '/', candidate.strategy, "/seed-", seed);
      if (!std::filesystem::exists(folder + "/model.safetensors")) continue;
      const Json validation = run.value("validation", Json());
      candidate.runs.push_back(
          {seed, folder, validation.is_number() ? sign * validation.get<double>() : NAN});
    }
    if (!candidate.runs.empty()) candidates.push_back(candidate);
  }
  return candidates;
} catch (const Json::exception&) {  // no JSON, or a value of another type than it should be
  fail_input("the results of the comparison cannot be read (", results_file(comparison),
             "); make them again (thaw compare CONFIG --out ", comparison,
             " --resume), or give the folder of one of its runs, ", comparison, "/STRATEGY/seed-N");
}

const ComparedStrategy& choose(const std::vector<ComparedStrategy>& candidates, const std::string& strategy,
                               const std::string& comparison) {
  std::vector<std::string> names;
  const ComparedStrategy* best = nullptr;
  for (const ComparedStrategy& candidate : candidates) {
    names.push_back(candidate.strategy);
    if (candidate.strategy == strategy) return candidate;
    if (!strategy.empty() || candidate.is_baseline || std::isnan(candidate.mean_validation())) continue;
    if (best == nullptr || candidate.mean_validation() > best->mean_validation()) best = &candidate;
  }
  if (names.empty())
    fail_input("the comparison has no model of a run that ended well (", comparison,
               "); give another folder");
  if (!strategy.empty())
    fail_input("the comparison has no model of ", in_quotes(strategy), " (--strategy, ", comparison,
               "); there are models of ", joined(names));
  if (best == nullptr)
    fail_input("the comparison had no validation data to say which model is the best (", comparison,
               "); name a strategy with --strategy, of ", joined(names));
  return *best;
}

}  // namespace

bool is_comparison_folder(const std::string& path) {
  return std::filesystem::exists(path + "/journal.jsonl") && !std::filesystem::exists(path + "/config.json");
}

ComparedModel find_compared_model(const std::string& comparison, const std::string& strategy) {
  const std::vector<ComparedStrategy> candidates = candidates_of(comparison);
  const ComparedStrategy& chosen = choose(candidates, strategy, comparison);
  const Run* best = &chosen.runs.front();
  for (const Run& run : chosen.runs)
    if (run.validation > best->validation) best = &run;
  std::string why = concat("the best of ", chosen.strategy, "'s runs on the validation data, ",
                           short_number(std::abs(best->validation)));
  if (std::isnan(best->validation)) why = "its first seed, for there were no validation data";
  if (strategy.empty()) why += concat("; ", chosen.strategy, " has the best mean on them");
  return {chosen.strategy, best->seed, best->folder, why};
}

}  // namespace thaw
