#include "finetune/config/config_strategy.h"

#include <algorithm>
#include <string>
#include <vector>

#include "finetune/config/config.h"
#include "finetune/plan/strategies/registry.h"

namespace thaw {

void drop_options_of_another(toml::table& root, const toml::table& given) {
  toml::table* section = root["strategy"].as_table();
  const auto name = given["strategy"]["name"].value<std::string>();
  if (section == nullptr || !name || *name == section->at_path("name").value_or(std::string("full"))) return;
  std::vector<std::string> others;
  for (const auto& [key, node] : *section) {
    const std::string option(key.str());
    const bool is_common = std::any_of(common_options().begin(), common_options().end(),
                                       [&](const OptionSpec& spec) { return spec.name == option; });
    if (!is_common) others.push_back(option);
  }
  for (const std::string& option : others) section->erase(option);
}

StrategyRequest strategy_request(const Config& config, const std::string& name) {
  if (name == config.strategy.name) return config.strategy;
  StrategyRequest request{name, {}, {}};
  for (const OptionSpec& option : common_options()) {
    const auto given = config.strategy.options.find(option.name);
    if (given != config.strategy.options.end()) request.options.insert(*given);
  }
  return request;
}

}  // namespace thaw
