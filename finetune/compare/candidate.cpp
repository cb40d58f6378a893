#include "finetune/compare/candidate.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"
#include "core/random.h"
#include "finetune/model/starting_model.h"
#include "finetune/plan/adapters.h"
#include "finetune/plan/plan_text.h"
#include "finetune/plan/plan_warnings.h"
#include "finetune/plan/strategies/registry.h"
#include "finetune/train/run_setup.h"
#include "finetune/train/trainer.h"

namespace thaw {
namespace {

Candidate make_candidate(const Config& config, const ModelSource& source, const std::string& name) {
  Candidate candidate{name, find_strategy(name).summary, config, source, false, {}};
  candidate.config.strategy = strategy_request(config, name);
  if (config.compare.search)
    for (const OptionSpec& option : find_strategy(name).options)
      if (!option.tried.empty() && candidate.config.strategy.options.count(option.name) == 0)
        candidate.searched.push_back(option);
  return candidate;
}

// What a run of it would find wrong, before anything runs. `notes`: of the weights that `full` starts from.
void check(const Candidate& candidate, const PreparedData& data, bool allow_missing,
           std::vector<std::string>& notes) {
  const Config& config = candidate.config;
  const RunSetup setup = set_up_run(config, candidate.source, data);
  PreparedModel model = prepare_model(setup, candidate.source, data, config.train.seed, allow_missing);
  const Trainer trainer(config, setup, *model.model, data, {});
  if (candidate.name == "full") notes.insert(notes.end(), model.notes.begin(), model.notes.end());
}

// What "scratch" trains: all of the same network, from random weights.
Candidate make_scratch(const Config& config, const ModelSource& source) {
  Candidate scratch;
  scratch.name = "scratch";
  scratch.about = "the same network from random weights, all of it trained";
  scratch.source = source.without_weights();
  scratch.is_baseline = true;
  scratch.config = config;
  scratch.config.model = scratch.source.section;
  scratch.config.strategy = strategy_request(config, "full");
  return scratch;
}

}  // namespace

std::vector<Candidate> make_candidates(const Config& config, const ModelSource& source,
                                       const PreparedData& data, bool allow_missing,
                                       std::vector<std::string>& notes) {
  std::vector<std::string> names = config.compare.strategies;
  std::set<std::string> seen;
  for (const std::string& name : names)
    if (!seen.insert(name).second)
      fail_input("the strategy '", name, "' is named twice (compare.strategies); name it once");
  if (seen.count("full") == 0) {
    names.insert(names.begin(), "full");
    notes.emplace_back("full is added: every verdict refers to it");
  }
  std::vector<Candidate> candidates;
  for (const std::string& name : names) {
    Candidate candidate = make_candidate(config, source, name);
    try {
      check(candidate, data, allow_missing, notes);
    } catch (const NothingToAdapt& error) {
      notes.push_back(concat(name, " is left out: ", error.what()));
      continue;
    }
    candidates.push_back(std::move(candidate));
  }
  if (source.is_pretrained()) candidates.push_back(make_scratch(config, source));
  return candidates;
}

void add_plan_notes(const Candidate& candidate, const Config& config, const PreparedData& data,
                    std::vector<std::string>& notes) {
  if (candidate.is_baseline) return;
  const RunSetup run = set_up_run(config, candidate.source, data);
  std::vector<std::string> warnings = run.strategy.warnings;
  for (const std::string& warning : plan_warnings(run.plan, run.learning_rate(config.train), {}, false))
    warnings.push_back(warning);
  for (const std::string& warning : warnings) notes.push_back(concat(candidate.name, ": ", warning));
}

Config with_hyperparameters(const Candidate& candidate, const Hyperparameters& choice) {
  Config config = candidate.config;
  config.train.lr = choice.lr;
  for (const auto& [name, value] : choice.options) config.strategy.options[name] = value;
  return config;
}

namespace {

// Of what is tried, or of the one run where nothing is: then `train.lr` is the learning rate, as in training
// without a comparison.
double middle_rate(const Candidate& candidate) {
  const auto given = candidate.config.compare.rates.find(candidate.name);
  if (given != candidate.config.compare.rates.end()) return given->second;
  const double scale = lr_scale(candidate);
  return candidate.config.train.lr * (scale > 0 ? scale : 1);
}

}  // namespace

double lr_scale(const Candidate& candidate) {
  const CompareSection& compare = candidate.config.compare;
  if (compare.tune == 0 || !compare.lr_grid.empty() || compare.rates.contains(candidate.name)) return 0;
  return find_strategy(candidate.config.strategy.name).default_lr_scale;
}

std::vector<std::string> settings_of(const Config& run, const Hyperparameters& choice, const Config& config) {
  std::vector<std::string> settings;
  // Of a number the shortest text that reads back as the same one.
  const auto add = [&](const char* key, const auto& value, const auto& of_config) {
    if (value != of_config) settings.push_back(concat(key, '=', nlohmann::json(value).dump()));
  };
  const TrainSection &train = run.train, &usual = config.train;
  add("train.lr", train.lr, usual.lr);
  for (const auto& [name, value] : choice.options)
    settings.push_back(concat("strategy.", name, '=', to_text(value)));
  add("train.epochs", train.epochs, usual.epochs);
  add("train.steps", train.steps, usual.steps);
  add("train.batch_size", train.batch_size, usual.batch_size);
  add("train.accumulation", train.accumulation, usual.accumulation);
  add("train.restore_best", train.restore_best, usual.restore_best);
  add("train.early_stopping_patience", train.early_stopping_patience, usual.early_stopping_patience);
  return settings;
}

std::vector<Hyperparameters> hyperparameters_to_try(const Candidate& candidate) {
  const CompareSection& compare = candidate.config.compare;
  const double centre = middle_rate(candidate);
  if (compare.tune == 0) return {{centre}};
  std::vector<Hyperparameters> choices;
  for (const double lr : compare.lr_grid) choices.push_back({lr});
  const double n = static_cast<double>(compare.tune);
  for (double i = 0; compare.lr_grid.empty() && i < n; ++i)
    choices.push_back({centre * std::pow(10.0, (i - std::floor(n / 2)) / 2)});
  // The old name of the options: another key would change every draw.
  const RandomKey key = random_key(candidate.config.train.seed, "compare.knobs." + candidate.name);
  std::uint64_t draw = 0;
  for (std::size_t i = 0; i < choices.size(); ++i)
    for (const OptionSpec& option : candidate.searched) {
      // As often the default as any other value.
      const std::uint64_t pick = random_below(key, draw++, option.tried.size() + 1);
      const bool keep = i == choices.size() / 2 || pick == option.tried.size();
      choices[i].options[option.name] = keep ? option.default_value : option.tried[pick];
    }
  return choices;
}

}  // namespace thaw
