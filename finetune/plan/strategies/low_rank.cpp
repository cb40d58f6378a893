#include "finetune/plan/strategies/low_rank.h"

#include <algorithm>

#include "core/error.h"
#include "finetune/common/nearest.h"
#include "finetune/common/text.h"
#include "finetune/plan/adapters.h"
#include "finetune/plan/strategies/shared.h"

namespace thaw {
namespace {

// The paths of modules that hold parameters, inner ones and those around them.
std::vector<std::string> module_paths(const ModelInfo& model) {
  std::vector<std::string> paths;
  for (const ParameterInfo& parameter : model.parameters) {
    for (size_t dot = parameter.name.find('.'); dot != std::string::npos;
         dot = parameter.name.find('.', dot + 1)) {
      const std::string path = parameter.name.substr(0, dot);
      if (std::find(paths.begin(), paths.end(), path) == paths.end()) paths.push_back(path);
    }
  }
  return paths;
}

std::string selector_of(const std::vector<std::string>& modules, const ModelInfo& model) {
  std::string selector;
  const std::vector<std::string> paths = module_paths(model);
  for (const std::string& module : modules) {
    const size_t length = selector.size();
    for (const std::string& path : paths) {
      if (is_module_named(path, module)) selector += "," + path + ".*";
    }
    if (selector.size() > length) continue;
    fail_input("no module is named ", in_quotes(module), " (strategy.modules_to_save)",
               did_you_mean(module, paths), "; the modules are ", name_list(paths));
  }
  return selector;
}

}  // namespace

std::vector<OptionSpec> low_rank_options() {
  const std::vector<std::string> none;
  return {{"r", 8.0, "rank of the adapters", {2.0, 4.0, 16.0}},
          {"alpha", 8.0, "the adapters' output is scaled by alpha / r"},
          {"rslora", false, "scale by alpha / sqrt(r) instead (rsLoRA)"},
          {"dropout", 0.0, "dropout of the adapters' input"},
          {"target_modules", none,
           "Linear layers to adapt; by default query and value of a transformer (GPT-2: c_attn), of others "
           "every one "
           "below the head"},
          {"modules_to_save", none, "modules trained beside the adapters; by default the head's"}};
}

Strategy low_rank_strategy(const ModelInfo& model, const StrategyOptions& options, bool dora) {
  LoraOptions layer;
  layer.r = options.whole_number("r", 1, 65536);
  layer.alpha = options.number("alpha", 1e-6, 1e6);
  layer.rslora = options.flag("rslora");
  layer.dropout = options.number("dropout", 0, 0.99);
  layer.dora = dora;
  const AdapterSpec adapters{layer, options.list("target_modules"), options.list("modules_to_save")};
  const std::string saved =
      adapters.modules_to_save.empty() ? ",top:0" : selector_of(adapters.modules_to_save, model);
  return {.plan = single_phase("kind:lora" + saved), .adapters = adapters};
}

}  // namespace thaw
