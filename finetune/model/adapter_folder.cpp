#include "finetune/model/adapter_folder.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "finetune/common/json.h"
#include "finetune/common/text.h"
#include "finetune/data/readers/labels.h"
#include "finetune/plan/adapters.h"
#include "nn/io/json_file.h"
#include "nn/layers/linear.h"

namespace thaw {
namespace {

namespace fs = std::filesystem;

std::string options_text(const LoraOptions& options) {
  return concat(options.dora ? "dora" : "lora", " with r = ", options.r, " and a scale of ", options.scale());
}

// What the file has for a layer: the shape of A, and PEFT's name of the module.
struct AdaptedLayer {
  std::vector<std::int64_t> shape;
  std::string module;
};

// By the layers' paths.
std::map<std::string, AdaptedLayer> adapted_layers_in(const Model& model, const WeightFiles& files) {
  constexpr std::string_view kEnd = ".lora_A.weight", kPrefix = "base_model.model.";
  std::map<std::string, AdaptedLayer> layers;
  for (const SafetensorsFile& file : files.files())
    for (const SafetensorsEntry& entry : file.entries()) {
      const std::optional<std::string> name = model_name(model, entry.name);
      if (!name || !name->ends_with(kEnd)) continue;
      std::string module = entry.name.substr(0, entry.name.size() - kEnd.size());
      if (module.starts_with(kPrefix)) module.erase(0, kPrefix.size());
      layers[name->substr(0, name->size() - kEnd.size())] = {entry.shape, module};
    }
  return layers;
}

void check_same_layers(Model& model, const WeightFiles& files, const std::string& path) {
  const TensorShapes tensors = shapes_in(model, files);
  std::vector<std::string> only_file, only_model;
  for (const auto& [layer, adapted] : adapted_layers_in(model, files)) only_file.push_back(layer);
  for (const Linear* layer : model.linears()) {
    if (layer->lora() == nullptr) continue;
    if (std::erase(only_file, layer->path()) == 0 && !tensors.contains(layer->weight()->name))
      only_model.push_back(layer->path());
  }
  if (!only_file.empty())
    fail_input("the adapter is for layers that the strategy does not adapt: ", name_list(only_file), " (",
               path, "); set strategy.target_modules to the layers of the adapter");
  if (!only_model.empty())
    fail_input("the adapter has nothing for layers that the strategy adapts: ", name_list(only_model), " (",
               path, "); set strategy.target_modules to the layers of the adapter");
}

// The model's layers that the file has adapters for, with what is to be attached to them: adapters of the
// size that the config claims, so the file must have as much.
std::vector<std::pair<Linear*, LoraOptions>> layers_of(Model& model, const WeightFiles& files,
                                                       const AdapterFolder& folder) {
  if (shapes_in(model, files).empty())
    fail_input("the file has no adapters (", files.path(), "); save the adapter again, as safetensors");
  std::map<std::string, AdaptedLayer> wanted = adapted_layers_in(model, files);
  std::vector<std::pair<Linear*, LoraOptions>> layers;
  for (Linear* layer : model.linears()) {
    const auto found = wanted.find(layer->path());
    if (found == wanted.end()) continue;
    const LoraOptions options = folder.options_of(found->second.module);
    const std::vector<std::int64_t> expected{options.r, layer->matrix().size(1)};
    if (found->second.shape != expected)
      fail_input("lora_A of ", layer->path(), " has not the shape ", Shape(expected),
                 " that its r and the model ask for (", folder.path,
                 "); use the model and the config that belong to the adapter");
    layers.emplace_back(layer, options);
    wanted.erase(found);
  }
  if (!wanted.empty())
    fail_input("the adapter is for ", quoted_name(wanted.begin()->first),
               ", which is no Linear layer of the model (", folder.path,
               "); use the model that it was trained on, or, if this is it, know that this is not in this "
               "version");
  return layers;
}

// Into adapters that are attached. A layer that the file has whole begins with a fresh one, which changes
// nothing.
void load_tensors(Model& model, const WeightFiles& files, std::vector<std::string>& notes) {
  LoadReport report = load_weights(model, files);
  std::erase_if(report.mismatched, [&](const Mismatch& mismatch) {
    if (model.group_of(mismatch.name) != model.head()) return false;
    notes.push_back("the head is not the adapter's: " + mismatch.text());
    return true;
  });
  reset_magnitudes(model, report.missing);
  const TensorShapes tensors = shapes_in(model, files);
  std::erase_if(report.missing, [&](const std::string& name) {
    const std::size_t adapter = name.find(".lora_");
    return adapter == std::string::npos || tensors.contains(name.substr(0, adapter) + ".weight");
  });
  if (!report.fits())
    fail_input("the adapter does not fit the model: ", describe_problems(report), " (", files.path(),
               "); use the model that it was trained on, or, if this is it, know that this is not in this "
               "version");
}

// A module by its path, as PEFT looks for it: by the end of its name, but by all of it where transformers
// calls it otherwise than its files do.
std::string name_for_peft(const Model& model, const std::string& path) {
  const std::string end = ".weight", name = model.name_in_peft(path + end);
  return name == model.name_in_file(path + end) ? path : name.substr(0, name.size() - end.size());
}

std::string module_for_peft(const Model& model, const std::string& path) {
  const std::string end = ".weight", name = model.name_in_peft(path + end);
  return name.substr(0, name.size() - end.size());
}

// Whole where it is, as people write it.
nlohmann::json json_number_of(double value) {
  return value == std::floor(value) ? nlohmann::json(static_cast<std::int64_t>(value))
                                    : nlohmann::json(value);
}

// The layers whose value is another than the common one.
template <class T>
nlohmann::json pattern_of(Model& model, const LoraOptions& common, T LoraOptions::*value) {
  nlohmann::json pattern = nlohmann::json::object();
  for (const Linear* layer : model.linears())
    if (const LoraAdapter* lora = layer->lora(); lora != nullptr && lora->options().*value != common.*value)
      pattern[module_for_peft(model, layer->path())] =
          json_number_of(static_cast<double>(lora->options().*value));
  return pattern;
}

nlohmann::json config_json(Model& model, const AdapterSpec& spec, const ModelConfig& config,
                           const std::vector<std::string>& saved, const std::string& base) {
  const auto& lora = std::get<LoraOptions>(spec.layer);
  const std::vector<Linear*> layers = model.linears();
  const bool in_out = std::any_of(layers.begin(), layers.end(), [](const Linear* layer) {
    return layer->lora() != nullptr && layer->layout() == WeightLayout::in_out;
  });
  nlohmann::json json{{"alpha_pattern", pattern_of(model, lora, &LoraOptions::alpha)},
                      {"auto_mapping", nullptr},
                      {"bias", "none"},
                      {"fan_in_fan_out", in_out},
                      {"inference_mode", true},
                      {"init_lora_weights", true},
                      {"layers_pattern", nullptr},
                      {"layers_to_transform", nullptr},
                      {"lora_dropout", lora.dropout},
                      {"modules_to_save", nlohmann::json::array()},
                      {"peft_type", "LORA"},
                      {"r", lora.r},
                      {"rank_pattern", pattern_of(model, lora, &LoraOptions::r)},
                      {"revision", nullptr},
                      {"target_modules", targets_for_peft(model, spec)},
                      {"task_type", nullptr},
                      {"use_dora", lora.dora},
                      {"use_rslora", lora.rslora}};
  json["lora_alpha"] = json_number_of(lora.alpha);
  json["base_model_name_or_path"] = base.empty() ? nlohmann::json(nullptr) : nlohmann::json(base);
  if (takes_text(config)) json["task_type"] = "SEQ_CLS";
  for (const std::string& module : saved) json["modules_to_save"].push_back(name_for_peft(model, module));
  return json;
}

// The head, and what the spec saves beside it; nothing inside of another one, which PEFT cannot read.
std::vector<std::string> modules_to_write(const Model& model, const AdapterSpec& spec) {
  std::vector<std::string> modules = saved_modules(model, {});
  if (!spec.modules_to_save.empty())
    for (const std::string& module : saved_modules(model, spec.modules_to_save)) modules.push_back(module);
  std::vector<std::string> outermost;
  for (const std::string& module : modules) {
    if (is_in_any(module, outermost)) continue;
    std::erase_if(outermost, [&](const std::string& other) { return is_in_any(other, {module}); });
    outermost.push_back(module);
  }
  return outermost;
}

// Row i of a saved head is row rows[i] of the model's: empty where they are the same. PEFT gives the rows the
// names of the base's classes, in the base's order.
std::vector<std::int64_t> rows_of_base(const std::vector<std::string>& labels, const ModelFolder& base) {
  const std::vector<std::string> names = labels_of_rows(base, labels);
  if (names.size() != labels.size() || find_same_labels(names)) return {};
  return places_of_labels(names, labels).value_or(std::vector<std::int64_t>{});
}

void put_in_order(const std::vector<std::int64_t>& rows, const Linear& layer,
                  std::map<const Parameter*, Tensor>& values) {
  if (rows.empty()) return;
  for (const ParameterPtr& parameter : {layer.weight(), layer.bias()}) {
    if (!parameter) continue;
    Tensor& value = values.emplace(parameter.get(), parameter->tensor).first->second;
    value = rows_in_order(value.detach(), rows);
  }
}

}  // namespace

std::vector<std::string> targets_for_peft(Model& model, const AdapterSpec& spec) {
  std::vector<std::string> names;
  bool renamed = false;
  for (const Linear* layer : model.linears()) {
    if (layer->lora() == nullptr) continue;
    names.push_back(name_for_peft(model, layer->path()));
    renamed |= names.back() != layer->path();
  }
  return renamed ? names : target_names(model, spec);
}

std::vector<std::string> notes_of_peft_names(const std::vector<std::string>& labels,
                                             const ModelFolder* base) {
  if (base == nullptr || labels.empty()) return {};
  const std::vector<std::string>& names = base->preprocess.labels;
  if (names.size() != labels.size() || !rows_of_base(labels, *base).empty()) return {};
  return {concat("PEFT calls the classes of an adapter as the base does, ", name_list(names), " (",
                 base->path, "): give it the run's, ", name_list(labels), ", as id2label")};
}

bool adapts(const Model& model, const AdapterFolder& folder, const Linear& layer) {
  return adapted_layers_in(model, *folder.weights).contains(layer.path());
}

std::vector<LayerLora> layers_of_patterns(const Model& model, const AdapterFolder& folder) {
  std::vector<LayerLora> layers;
  if (folder.ranks.empty() && folder.alphas.empty()) return layers;
  for (const auto& [path, adapted] : adapted_layers_in(model, *folder.weights)) {
    const LoraOptions own = folder.options_of(adapted.module);
    if (own.r != folder.options.r || own.alpha != folder.options.alpha)
      layers.push_back({path, own.r, own.alpha});
  }
  return layers;
}

void write_adapter_folder(const std::string& path, Model& model, const AdapterSpec& spec,
                          const ModelConfig& config, const Preprocess& preprocess, const ModelFolder* base) {
  const std::vector<std::string> saved = modules_to_write(model, spec);
  // PEFT adapts no layer of a module that is saved whole: there the adapter is in the weight that is saved.
  std::map<const Parameter*, Tensor> changed;
  for (const Linear* layer : model.linears())
    if (layer->lora() != nullptr && is_in_any(layer->path(), saved))
      changed[layer->weight().get()] = layer->merged_weight();
  Preprocess written = preprocess;
  std::vector<std::int64_t> rows;
  if (base != nullptr) rows = rows_of_base(preprocess.labels, *base);
  for (std::size_t i = 0; i < rows.size(); ++i)
    written.labels[i] = preprocess.labels[static_cast<std::size_t>(rows[i])];
  put_in_order(rows, model.output_layer(), changed);
  NamedTensors tensors;
  const auto add = [&](const std::string& name, const Tensor& tensor) {
    tensors.emplace_back("base_model.model." + model.name_in_peft(name), tensor.detach());
  };
  for (const ParameterPtr& parameter : model.parameters()) {
    if ((parameter->kind == ParameterKind::lora) == is_in_any(parameter->name, saved)) continue;
    const auto found = changed.find(parameter.get());
    add(parameter->name, found == changed.end() ? parameter->tensor : found->second);
  }
  for (const BufferPtr& buffer : model.buffers())
    if (is_in_any(buffer->name, saved)) add(buffer->name, buffer->tensor);
  std::error_code error;
  fs::create_directories(path, error);
  if (error) fail("cannot make the folder ", path, ": ", error.message(), "; choose another --out");
  save_safetensors(path + "/adapter_model.safetensors", tensors, {{"format", "pt"}});
  write_preprocess(path, config, written);
  atomic_write(path + kAdapterConfigName,
               json_document(config_json(model, spec, config, saved, base == nullptr ? "" : base->path)));
}

void load_adapter(Model& model, const AdapterFolder& folder, const AdapterSpec& spec,
                  std::vector<std::string>& notes) {
  const LoraOptions& mine = std::get<LoraOptions>(spec.layer);
  const LoraOptions& theirs = folder.options;
  if (mine.r != theirs.r || mine.dora != theirs.dora || mine.scale() != theirs.scale())
    fail_input("the adapter is a ", options_text(theirs), ", the strategy a ", options_text(mine), " (",
               folder.path, "); set the strategy's name, r, alpha and rslora to the adapter's");
  const WeightFiles& files = *folder.weights;
  check_same_layers(model, files, folder.path);
  for (const auto& [path, adapted] : adapted_layers_in(model, files))
    if (const LoraOptions own = folder.options_of(adapted.module);
        own.scale() != std::get<LoraOptions>(options_for(spec, path)).scale())
      fail_input("the adapter's ", path, " has a scale of ", own.scale(), ", by a pattern (", folder.path,
                 "); start from it with strategy lora or dora, or merge it with thaw merge");
  load_tensors(model, files, notes);
}

std::int64_t fold_adapter(Model& model, const AdapterFolder& folder, std::vector<std::string>& notes) {
  const WeightFiles& files = *folder.weights;
  const auto layers = layers_of(model, files, folder);
  for (const auto& [layer, options] : layers) layer->attach(options, 0);  // the file has every value
  model.refresh();
  load_tensors(model, files, notes);
  for (const auto& [layer, options] : layers) {
    layer->merge();
    layer->detach();
  }
  model.refresh();
  return static_cast<std::int64_t>(layers.size());
}

}  // namespace thaw
