// The list of strategies. To add one: a file with a function that returns its StrategySpec, and its line
// here. (A list, because a linker drops self-registering objects of a static library that nothing refers to.)
#include <charconv>
#include <string_view>

#include "core/error.h"
#include "finetune/data/text.h"
#include "finetune/nearest.h"
#include "finetune/strategy.h"

// X(function): in the order in which `thaw strategies` lists them.
#define THAW_STRATEGIES(X)   \
  X(full_strategy)           \
  X(head_strategy)           \
  X(top_k_strategy)          \
  X(gradual_strategy)        \
  X(discriminative_strategy) \
  X(ulmfit_strategy)         \
  X(chain_thaw_strategy)     \
  X(lp_ft_strategy)          \
  X(bitfit_strategy)         \
  X(norm_only_strategy)      \
  X(lora_strategy)           \
  X(layer_decay_strategy)    \
  X(l2_sp_strategy)          \
  X(plan_strategy)

namespace thaw {

#define THAW_DECLARE(function) StrategySpec function();
THAW_STRATEGIES(THAW_DECLARE)
#undef THAW_DECLARE

namespace {

constexpr std::string_view kTop = "top-";

// 2 of "top-2".
std::optional<double> layers_in_name(const std::string& name) {
  if (name.rfind(kTop, 0) != 0) return std::nullopt;
  unsigned layers = 0;
  const char* first = name.data() + kTop.size();
  const char* last = name.data() + name.size();
  const auto [end, error] = std::from_chars(first, last, layers);
  if (error != std::errc() || end != last) return std::nullopt;
  return layers;
}

// The options with what the name says: k for "top-2".
StrategyRequest with_name_read(StrategyRequest request) {
  const std::optional<double> layers = layers_in_name(request.name);
  if (!layers) return request;
  if (request.options.count("k") > 0) {
    fail_input("strategy ", in_quotes(request.name),
               " has its k in its name and as strategy.k; leave strategy.k out");
  }
  request.options["k"] = *layers;
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
#define THAW_CALL(function) function(),
  static const std::vector<StrategySpec> list = {THAW_STRATEGIES(THAW_CALL)};
#undef THAW_CALL
  return list;
}

const StrategySpec& find_strategy(const std::string& name) {
  const std::string wanted = layers_in_name(name) ? "top-k" : name;
  std::vector<std::string> known;
  for (const StrategySpec& spec : strategies()) {
    if (spec.name == wanted) return spec;
    known.push_back(spec.name == "top-k" ? "top-2" : spec.name);
  }
  fail_input("strategy ", in_quotes(name), " is unknown", did_you_mean(name, known),
             "; `thaw strategies` lists the ", known.size(), " known ones");
}

const std::vector<OptionSpec>& common_options() {
  static const std::vector<OptionSpec> options = {
      {"frozen_norm", "still", "norm layers of frozen groups: \"still\" or \"batch\" statistics"},
      {"frozen_dropout", "keep", "dropout in frozen groups: \"keep\" or \"off\""},
      {"state", "keep", "optimizer state of what a phase freezes or thaws: \"keep\", \"park\" or \"drop\""},
      {"rewarmup", 0.0, "updates in which what thaws reaches its learning rate, linearly"},
  };
  return options;
}

Strategy make_strategy(const StrategyRequest& request, const ModelInfo& model) {
  const StrategySpec& spec = find_strategy(request.name);
  if (spec.name != "plan" && !request.phases.empty()) {
    fail_input("strategy ", in_quotes(request.name),
               " takes no [[strategy.phase]] tables; set strategy.name = \"plan\"");
  }
  std::vector<OptionSpec> specs = spec.options;
  specs.insert(specs.end(), common_options().begin(), common_options().end());
  const StrategyOptions options(request.name, specs, with_name_read(request));
  Strategy strategy = spec.make(model, options);
  apply_common_options(options, strategy.plan);
  return strategy;
}

}  // namespace thaw
