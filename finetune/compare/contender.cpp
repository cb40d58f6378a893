#include "finetune/compare/contender.h"

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
#include "finetune/run/run.h"
#include "finetune/train/run_setup.h"
#include "finetune/train/trainer.h"

namespace thaw {
namespace {

Contender make_contender(const Config& config, const ModelSource& source, const std::string& name) {
  Contender contender{name, find_strategy(name).summary, config, source, false, {}};
  contender.config.strategy = strategy_request(config, name);
  if (config.compare.search)
    for (const OptionSpec& option : find_strategy(name).options)
      if (!option.tried.empty() && contender.config.strategy.options.count(option.name) == 0)
        contender.knobs.push_back(option);
  return contender;
}

// What a run of it would find wrong, before anything runs. `notes`: of the weights that `full` starts from.
void check(const Contender& contender, const PreparedData& data, bool allow_missing,
           std::vector<std::string>& notes) {
  const Config& config = contender.config;
  const RunSetup setup = set_up_run(config, contender.source, data);
  PreparedModel model =
      prepare_model(contender.source, data, config.train.seed, setup.strategy.adapters, allow_missing);
  const Trainer trainer(config, setup, *model.model, data, {});
  if (contender.name == "full") notes.insert(notes.end(), model.notes.begin(), model.notes.end());
}

Config from_random_weights(const Config& config) {
  Config scratch = config;
  scratch.model.pretrained = false;
  scratch.model.init.clear();
  scratch.strategy = strategy_request(config, "full");
  return scratch;
}

}  // namespace

std::vector<Contender> make_contenders(const Config& config, const ModelSource& source,
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
  std::vector<Contender> contenders;
  for (const std::string& name : names) {
    Contender contender = make_contender(config, source, name);
    try {
      check(contender, data, allow_missing, notes);
    } catch (const NothingToAdapt& error) {
      notes.push_back(concat(name, " is left out: ", error.what()));
      continue;
    }
    contenders.push_back(std::move(contender));
  }
  if (source.is_pretrained())
    contenders.push_back({"scratch",
                          "the same network from random weights, all of it trained",
                          from_random_weights(config),
                          source.without_weights(),
                          true,
                          {}});
  return contenders;
}

void add_plan_notes(const Contender& contender, const Config& config, const PreparedData& data,
                    std::vector<std::string>& notes) {
  if (contender.is_baseline) return;
  const RunSetup run = set_up_run(config, contender.source, data);
  std::vector<std::string> warnings = run.strategy.warnings;
  for (const std::string& warning : plan_warnings(run.plan, run.learning_rate(config.train), {}, false))
    warnings.push_back(warning);
  for (const std::string& warning : warnings) notes.push_back(concat(contender.name, ": ", warning));
}

Config with_choice(const Contender& contender, const Choice& choice) {
  Config config = contender.config;
  config.train.lr = choice.lr;
  for (const auto& [name, value] : choice.options) config.strategy.options[name] = value;
  return config;
}

namespace {

// Of what is tried, or of the one run where nothing is: then `train.lr` is the learning rate, as in training
// without a comparison.
double middle_rate(const Contender& contender) {
  const auto given = contender.config.compare.rates.find(contender.name);
  if (given != contender.config.compare.rates.end()) return given->second;
  const double scale = lr_scale(contender);
  return contender.config.train.lr * (scale > 0 ? scale : 1);
}

}  // namespace

double lr_scale(const Contender& contender) {
  const CompareSection& compare = contender.config.compare;
  if (compare.tune == 0 || !compare.lr_grid.empty() || compare.rates.contains(contender.name)) return 0;
  return find_strategy(contender.config.strategy.name).default_lr_scale;
}

std::vector<std::string> settings_of(const Config& run, const Choice& choice, const Config& config) {
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

std::vector<Choice> choices_to_try(const Contender& contender) {
  const CompareSection& compare = contender.config.compare;
  const double centre = middle_rate(contender);
  if (compare.tune == 0) return {{centre}};
  std::vector<Choice> choices;
  for (const double lr : compare.lr_grid) choices.push_back({lr});
  const double n = static_cast<double>(compare.tune);
  for (double i = 0; compare.lr_grid.empty() && i < n; ++i)
    choices.push_back({centre * std::pow(10.0, (i - std::floor(n / 2)) / 2)});
  const RandomKey key = random_key(contender.config.train.seed, "compare.knobs." + contender.name);
  std::uint64_t draw = 0;
  for (std::size_t i = 0; i < choices.size(); ++i)
    for (const OptionSpec& knob : contender.knobs) {
      // As often the default as any other value.
      const std::uint64_t pick = random_below(key, draw++, knob.tried.size() + 1);
      const bool keep = i == choices.size() / 2 || pick == knob.tried.size();
      choices[i].options[knob.name] = keep ? knob.default_value : knob.tried[pick];
    }
  return choices;
}

}  // namespace thaw
