#include "finetune/plan/strategies/registry.h"

#include <charconv>
#include <cstddef>
#include <optional>
#include <string>

#include "core/error.h"
#include "finetune/common/nearest.h"
#include "finetune/common/text.h"
#include "finetune/plan/plan_text.h"

namespace thaw {
namespace {

// In the order in which `thaw strategies` lists them.
constexpr StrategySpec (*kStrategies[])() = {
    full_strategy,           head_strategy,      top_k_strategy,      block_strategy, gradual_strategy,
    discriminative_strategy, ulmfit_strategy,    chain_thaw_strategy, lp_ft_strategy, lisa_strategy,
    bitfit_strategy,         norm_only_strategy, lora_strategy,       dora_strategy,  adapter_strategy,
    layer_decay_strategy,    l2_sp_strategy,     plan_strategy,
};

// "top-2" as the strategy "top-k" and its k = 2.
struct NumberedName {
  std::string strategy;
  double k = 0;
};

std::optional<NumberedName> read_numbered(const std::string& name) {
  const std::size_t number = name.rfind('-') + 1;  // 0 where there is no '-'
  unsigned k = 0;
  const char* last = name.data() + name.size();
  const auto [end, error] = std::from_chars(name.data() + number, last, k);
  if (number == 0 || error != std::errc() || end != last) return std::nullopt;
  return NumberedName{name.substr(0, number) + "k", static_cast<double>(k)};
}

// How a user writes the name: "top-2" for "top-k".
std::string written_name(const std::string& name) {
  return name.ends_with("-k") ? name.substr(0, name.size() - 1) + "2" : name;
}

// The options with what the name says: k for "top-2".
StrategyRequest with_name_read(StrategyRequest request) {
  const std::optional<NumberedName> numbered = read_numbered(request.name);
  if (!numbered) return request;
  if (request.options.count("k") > 0) {
    fail_input("strategy ", in_quotes(request.name),
               " has its k in its name and as strategy.k; leave strategy.k out");
  }
  request.options["k"] = numbered->k;
  return request;
}

void apply_common_options(const StrategyOptions& options, Plan& plan) {
  plan.frozen_norm = parse_frozen_norm(options.text("frozen_norm"));
  plan.frozen_dropout = parse_frozen_dropout(options.text("frozen_dropout"));
  plan.state = parse_state_policy(options.text("state"));
  plan.rewarmup = options.whole_number("rewarmup", 0, 1'000'000'000);
}

}  // namespace

const std::vector<StrategySpec>& strategies() {
  static const std::vector<StrategySpec> list = [] {
    std::vector<StrategySpec> specs;
    for (const auto& make_spec : kStrategies) specs.push_back(make_spec());
    return specs;
  }();
  return list;
}

const StrategySpec& find_strategy(const std::string& name) {
  const std::optional<NumberedName> numbered = read_numbered(name);
  const std::string wanted = numbered ? numbered->strategy : name;
  std::vector<std::string> known;
  for (const StrategySpec& spec : strategies()) {
    if (spec.name == wanted) return spec;
    known.push_back(written_name(spec.name));
  }
  fail_input("strategy ", in_quotes(name), " is unknown", did_you_mean(name, known),
             "; `thaw strategies` lists the ", known.size(), " known ones");
}

const std::vector<OptionSpec>& common_options() {
  static const std::vector<OptionSpec> options = {
      {"frozen_norm", "still", "norm layers of frozen groups: \"still\" or \"batch\" statistics"},
      {"frozen_dropout", "keep", "dropout in frozen groups: \"keep\" or \"off\""},
      {"state", "keep", "optimizer state of what a phase freezes or thaws: \"keep\" or \"drop\""},
      {"rewarmup", 0.0, "updates in which what thaws reaches its learning rate, linearly"},
  };
  return options;
}

Strategy make_strategy(const StrategyRequest& request, const ModelInfo& model, const RunLength& run) {
  const StrategySpec& spec = find_strategy(request.name);
  if (spec.name != "plan" && !request.phases.empty()) {
    fail_input("strategy ", in_quotes(request.name),
               " takes no [[strategy.phase]] tables; set strategy.name = \"plan\"");
  }
  std::vector<OptionSpec> specs = spec.options;
  specs.insert(specs.end(), common_options().begin(), common_options().end());
  const StrategyOptions options(request.name, specs, with_name_read(request), run);
  Strategy strategy = spec.make(model, options);
  apply_common_options(options, strategy.plan);
  if (spec.name != "plan") strategy.plan.phase_name = concat("strategy ", in_quotes(request.name), ", phase");
  return strategy;
}

}  // namespace thaw
