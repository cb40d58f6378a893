#include "finetune/plan/adapters.h"

#include <algorithm>

#include "finetune/common/nearest.h"
#include "finetune/common/text.h"
#include "nn/layers/linear.h"

namespace thaw {
namespace {

const char* strategy_name(const AdapterSpec& spec) {
  const auto* lora = std::get_if<LoraOptions>(&spec.layer);
  if (lora == nullptr) return "adapter";
  return lora->dora ? "dora" : "lora";
}

// Empty: every layer below the head.
std::vector<std::string> wanted_names(const Model& model, const AdapterSpec& spec) {
  if (!spec.target_modules.empty()) return spec.target_modules;
  return spec.is_low_rank() ? model.lora_targets() : model.bottleneck_targets();
}

std::vector<std::string> last_parts(const std::vector<std::string>& paths) {
  std::vector<std::string> parts;
  parts.reserve(paths.size());
  for (const std::string& path : paths) parts.push_back(path.substr(path.rfind('.') + 1));
  return parts;
}

// It came with the model (model.from).
const BottleneckAdapter* bottleneck_of(const Linear& layer) {
  return dynamic_cast<const BottleneckAdapter*>(layer.adapter());
}

// A folder names one size and one activation for all its bottlenecks.
void check_same_bottlenecks(Model& model, const AdapterSpec& spec) {
  const auto* wanted = std::get_if<BottleneckOptions>(&spec.layer);
  if (wanted == nullptr) return;
  for (const Linear* layer : model.linears())
    if (const BottleneckAdapter* there = bottleneck_of(*layer);
        there != nullptr && !(there->options() == *wanted))
      fail_input("the model has bottlenecks of size ", there->options().size, " with ",
                 there->options().activation, " already, the strategy asks for ", wanted->size, " with ",
                 wanted->activation,
                 "; set strategy.size and strategy.activation to the model's, or start "
                 "from a model without them");
}

}  // namespace

bool is_module_named(const std::string& path, const std::string& name) {
  return path == name || path.ends_with("." + name);
}

bool is_in_any(const std::string& path, const std::vector<std::string>& modules) {
  return std::any_of(modules.begin(), modules.end(), [&](const std::string& module) {
    return path == module || path.starts_with(module + ".");
  });
}

std::vector<std::string> saved_modules(const Model& model, const std::vector<std::string>& named) {
  std::vector<std::string> paths;
  const auto add = [&](const std::string& path) {
    if (std::find(paths.begin(), paths.end(), path) == paths.end()) paths.push_back(path);
  };
  if (named.empty()) {
    for (const std::string& prefix : model.groups().back().prefixes)
      for (const ParameterPtr& parameter : model.parameters())
        if (is_in_any(parameter->name, {prefix})) add(prefix);
    return paths;
  }
  for (const ParameterPtr& parameter : model.parameters())
    for (std::size_t dot = parameter->name.find('.'); dot != std::string::npos;
         dot = parameter->name.find('.', dot + 1))
      for (const std::string& name : named)
        if (is_module_named(parameter->name.substr(0, dot), name)) add(parameter->name.substr(0, dot));
  return paths;
}

AdapterOptions options_for(const AdapterSpec& spec, const std::string& path) {
  const auto own = std::find_if(spec.layers.begin(), spec.layers.end(),
                                [&](const LayerLora& layer) { return layer.path == path; });
  AdapterOptions options = spec.layer;
  if (own == spec.layers.end()) return options;
  LoraOptions& lora = std::get<LoraOptions>(options);
  lora.r = own->r;
  lora.alpha = own->alpha;
  return options;
}

std::vector<Linear*> adapted_layers(Model& model, const AdapterSpec& spec) {
  const std::vector<std::string> wanted = wanted_names(model, spec);
  const std::vector<std::string> saved = saved_modules(model, spec.modules_to_save);
  const auto is_target = [&](const Linear& layer) {
    if (is_in_any(layer.path(), saved)) return false;
    if (wanted.empty()) return spec.is_low_rank() && model.group_of(layer.path()) != model.head();
    return std::any_of(wanted.begin(), wanted.end(),
                       [&](const std::string& name) { return is_module_named(layer.path(), name); });
  };
  std::vector<Linear*> found;
  std::vector<std::string> known;
  for (Linear* layer : model.linears()) {
    known.push_back(layer->path());
    if (is_target(*layer)) found.push_back(layer);
  }
  for (const std::string& name : spec.target_modules)
    if (std::none_of(known.begin(), known.end(),
                     [&](const std::string& path) { return is_module_named(path, name); }))
      fail_input("no Linear layer is named ", in_quotes(name), " (strategy.target_modules)",
                 did_you_mean(name, last_parts(known)), "; they are ", name_list(known));
  if (found.empty())
    throw NothingToAdapt(
        concat(strategy_name(spec), " finds no layer to adapt",
               spec.target_modules.empty() ? "" : " among target_modules (what trains whole is passed over)",
               "; set strategy.target_modules to some of the Linear layers: ", name_list(known)));
  return found;
}

void attach_adapters(Model& model, const AdapterSpec& spec, std::uint64_t seed) {
  check_same_bottlenecks(model, spec);
  for (Linear* layer : adapted_layers(model, spec))
    if (spec.is_low_rank() || bottleneck_of(*layer) == nullptr)
      layer->attach(options_for(spec, layer->path()), seed);
  model.refresh();
}

void reset_magnitudes(Model& model, const std::vector<std::string>& names) {
  for (Linear* layer : model.linears()) {
    LoraAdapter* lora = layer->lora();
    if (lora == nullptr || !lora->magnitude()) continue;
    if (std::find(names.begin(), names.end(), lora->magnitude()->name) != names.end())
      lora->reset_magnitude(layer->matrix());
  }
}

std::unique_ptr<Model> make_meta_model(const ModelConfig& config,
                                       const std::optional<AdapterSpec>& adapters) {
  auto model = make_model(config, {.device = kMeta});
  if (adapters) attach_adapters(*model, *adapters, 0);
  return model;
}

std::vector<std::string> target_names(Model& model, const AdapterSpec& spec) {
  std::vector<std::string> names = wanted_names(model, spec);
  if (!names.empty()) return names;
  for (const Linear* layer : adapted_layers(model, spec)) names.push_back(layer->path());
  return names;
}

}  // namespace thaw
