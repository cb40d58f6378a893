// adapter: bottleneck networks behind the attention and the feed-forward network of every layer train, and
// with them all normalisation layers and the head, as in the paper (Houlsby et al. 2019, "Parameter-Efficient
// Transfer Learning for NLP").
#include <algorithm>

#include "finetune/plan/strategies/shared.h"

namespace thaw {
namespace {

Strategy make_adapter(const ModelInfo& model, const StrategyOptions& options) {
  BottleneckOptions layer;
  layer.size = options.whole_number("size", 1, 65536);
  layer.activation = options.text("activation");
  activation_named(layer.activation);
  const bool has_norms =
      std::any_of(model.parameters.begin(), model.parameters.end(),
                  [](const ParameterInfo& parameter) { return parameter.kind == ParameterKind::norm; });
  return {.plan = single_phase(has_norms ? "kind:adapter,kind:norm,top:0" : "kind:adapter,top:0"),
          .adapters = AdapterSpec{layer, options.list("target_modules"), {}}};
}

}  // namespace

StrategySpec adapter_strategy() {
  const std::vector<std::string> none;
  return {"adapter",
          "train bottlenecks behind attention and feed-forward, the norms and the head",
          10.0,
          {{"size", 64.0, "units of a bottleneck", {8.0, 256.0}},
           {"activation", "gelu", "\"gelu\", \"gelu_new\", \"relu\", \"silu\" or \"tanh\""},
           {"target_modules", none,
            "Linear layers to stand behind; by default those with which attention and feed-forward end"}},
          make_adapter};
}

}  // namespace thaw
