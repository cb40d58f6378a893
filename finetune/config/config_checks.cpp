#include "finetune/config/config_checks.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/config/chosen_metrics.h"
#include "finetune/data/readers/labels.h"
#include "finetune/plan/strategies/registry.h"

namespace thaw {
namespace {

void check_metric(const Config& config, const std::string& metric, const std::string& key) {
  const std::vector<std::string> known = find_task(config.data.task).metric_names("validation_");
  if (std::find(known.begin(), known.end(), metric) != known.end()) return;
  fail_input(key, " has the metric '", metric, "', which ", config.data.task, " does not give (", config.path,
             "); write one of ", joined(known));
}

void check_metric_name(const Config& config) try {
  compared_metric(config);
} catch (const InputError& error) {
  fail_input("compare.metric (", config.path, "): ", error.what());
}

// A column of the results would have the name of another.
void check_shifted_names(const Config& config) {
  const std::vector<std::string> metrics = find_task(config.data.task).metric_names();
  for (const auto& [name, file] : config.data.shifted) {
    if (name.empty() || name == "training")
      fail_input("data.shifted has ", name.empty() ? "a file without a name" : "the name \"training\"", " (",
                 config.path, "); name each as it is to be called in the results, such as \"elsewhere\"");
    const std::string column = concat(name, '_', compared_metric(config).name);
    if (std::find(metrics.begin(), metrics.end(), column) != metrics.end())
      fail_input("data.shifted has the name ", in_quotes(name), ", so that its results would be called ",
                 column, " as a metric is (", config.path, "); choose another name");
  }
}

void check_rows(const Config& config) {
  const std::vector<std::int64_t>& rows = config.data.rows;
  if (rows.empty() || (rows.size() == 2 && rows[0] < rows[1])) return;
  fail_input("data.rows is no range of samples (", config.path,
             "); write [first, end] with first below end, such as [0, 40000]");
}

void check_merge(const Config& config) {
  std::map<std::string, std::string> class_of;  // by the labels' keys
  std::vector<std::string> classes;
  for (const auto& [merged, labels] : config.data.merge) {
    classes.push_back(merged);
    if (merged.empty() || labels.empty())
      fail_input("data.merge has a class without a ", merged.empty() ? "name" : "label", " (", config.path,
                 "); write { \"name\" = [\"label\", ..], .. }");
    for (const std::string& label : labels) {
      const auto [earlier, is_new] = class_of.emplace(label_key(label), merged);
      if (!is_new)
        fail_input("data.merge has the label ", in_quotes(label), " twice, in ", in_quotes(earlier->second),
                   " and in ", in_quotes(merged), " (", config.path,
                   "); list it once: labels that are equal numbers are one");
    }
  }
  if (const auto same = find_same_labels(classes))
    fail_input("data.merge names the class ", in_quotes(same->first), " twice, as ", in_quotes(same->first),
               " and as ", in_quotes(same->second), " (", config.path, "); make one list of them");
}

}  // namespace

std::vector<std::string> predicted_but_not_compared(const CompareSection& compare) {
  std::vector<std::string> names = compare.predict;
  std::erase_if(names, [&compared = compare.strategies](const std::string& name) {
    return std::find(compared.begin(), compared.end(), name) != compared.end();
  });
  return names;
}

void check_together(const Config& config) {
  const TrainSection& train = config.train;
  check_metric(config, train.monitor, "train.monitor");
  bool needs_validation = train.restore_best || train.early_stopping_patience > 0;
  for (const Phase& phase : config.strategy.phases)
    if (phase.at.kind == PhaseStart::Kind::plateau) {
      check_metric(config, phase.at.metric, "a plateau of [[strategy.phase]]");
      needs_validation = true;
    }
  if (needs_validation && config.data.validation.empty() && config.data.validation_fraction == 0)
    fail_input("restore_best, early stopping and plateaus need validation data (", config.path,
               "); set data.validation, or data.validation_fraction above 0");
  if (train.nesterov && (train.momentum == 0 || train.dampening != 0))
    fail_input("train.nesterov needs momentum above 0 and no dampening (", config.path,
               "); set train.momentum = 0.9");
  if (train.recompute == "auto" && !train.memory)
    fail_input("train.recompute needs train.memory, within which training is to stay (", config.path,
               "); set train.memory = \"4GB\"");
  check_metric_name(config);
  check_shifted_names(config);
  check_rows(config);
  check_merge(config);
  const Task& task = find_task(config.data.task);
  const bool names_characters = task.targets() == Targets::transcripts;
  if (!task.has_classes() && (config.data.samples_per_class > 0 || !config.data.merge.empty() ||
                              (!config.data.classes.empty() && !names_characters)))
    fail_input("data.samples_per_class, data.classes and data.merge are for classification (", config.path,
               "); for ", task.name(), " use data.limit");
  if (!task.has_classes() && (train.label_smoothing > 0 || !(train.class_weight == ClassWeights{})))
    fail_input(train.label_smoothing > 0 ? "train.label_smoothing" : "train.class_weight",
               " is for classification (", config.path, "); leave it out");
  if (const auto names = predicted_but_not_compared(config.compare); !names.empty())
    fail_input("compare.predict names ", in_quotes(names.front()), ", which is not in compare.strategies (",
               config.path, "); add it there");
  if (config.compare.repeats > 1 && config.data.samples_per_class == 0 && config.data.limit == 0)
    fail_input("compare.repeats are runs of one training subset, but none is drawn (", config.path,
               "); set data.samples_per_class or data.limit, or give compare.seeds instead");
  for (const auto& [name, rate] : config.compare.rates) try {
      find_strategy(name);
    } catch (const InputError& error) {
      fail_input("compare.rates (", config.path, "): ", error.what());
    }
  if (config.compare.strategies.empty())
    fail_input("compare.strategies is empty (", config.path, "); name at least one strategy");
}

}  // namespace thaw
