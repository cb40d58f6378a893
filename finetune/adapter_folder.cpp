#include "finetune/adapter_folder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <map>

#include "core/error.h"
#include "finetune/adapters.h"
#include "finetune/data/text.h"
#include "nn/json_file.h"
#include "nn/layers/linear.h"

namespace thaw {
namespace {

namespace fs = std::filesystem;

constexpr const char* kConfigName = "/adapter_config.json";

// Keys that say nothing of what the adapter computes, or that are read below.
constexpr std::array kHarmless = {"auto_mapping",
                                  "base_model_name_or_path",
                                  "bias",
                                  "corda_config",
                                  "ensure_weight_tying",
                                  "eva_config",
                                  "exclude_modules",
                                  "fan_in_fan_out",
                                  "inference_mode",
                                  "init_lora_weights",
                                  "layers_pattern",
                                  "layers_to_transform",
                                  "loftq_config",
                                  "lora_alpha",
                                  "lora_dropout",
                                  "megatron_core",
                                  "modules_to_save",
                                  "peft_type",
                                  "peft_version",
                                  "qalora_group_size",
                                  "r",
                                  "revision",
                                  "runtime_config",
                                  "target_modules",
                                  "task_type",
                                  "use_dora",
                                  "use_rslora"};

bool says_nothing(const nlohmann::json& value) {
  return value.is_null() || value == false || ((value.is_object() || value.is_array()) && value.empty());
}

// Some starts take away from the base's weights what they put into the adapter.
bool keeps_the_base(const nlohmann::json& start) {
  return start.is_boolean() || start.is_null() || start == "gaussian" || start == "orthogonal" ||
         start == "eva";
}

void refuse_what_thaw_has_not(const nlohmann::json& json, const std::string& path) {
  for (const auto& [key, value] : json.items())
    if (std::find(kHarmless.begin(), kHarmless.end(), key) == kHarmless.end() && !says_nothing(value))
      fail_input("the adapter has ", quoted_name(key), " set, which thaw has not (", path,
                 "); merge it into its base with PEFT, and start from that");
  std::string type, bias = "none";
  read_field(json, "peft_type", path, type);
  if (type != "LORA")
    fail_input("the adapter is of peft_type ", quoted_name(type), " (", path, "); thaw reads LORA");
  read_optional_field(json, "bias", path, bias);
  if (bias != "none")
    fail_input("the adapter has bias = ", quoted_name(bias), " (", path,
               "); merge it into its base with PEFT, and start from that");
  const auto start = json.find("init_lora_weights");
  if (start != json.end() && !keeps_the_base(*start))
    fail_input("the adapter began with init_lora_weights = ", start->dump(),
               ", which changes its base's weights (", path,
               "); convert it with PEFT's path_initial_model_for_weight_conversion, or merge it with PEFT");
}

template <class T>
T read_within(const nlohmann::json& json, const char* key, const std::string& path, T value, T least,
              T most) {
  read_optional_field(json, key, path, value);
  if (!(value >= least && value <= most))
    fail_input("'", key, "' is ", value, " (", path, "); it must be ", least, " to ", most);
  return value;
}

std::string options_text(const LoraOptions& options) {
  return concat(options.dora ? "dora" : "lora", " with r = ", options.r, " and a scale of ", options.scale());
}

// The layers that the file has adapters for: path and shape of A.
TensorShapes adapted_layers_in(const TensorShapes& tensors) {
  constexpr std::string_view kEnd = ".lora_A.weight";
  TensorShapes layers;
  for (const auto& [name, shape] : tensors)
    if (name.ends_with(kEnd)) layers[name.substr(0, name.size() - kEnd.size())] = shape;
  return layers;
}

// A layer that the file has whole begins with a fresh adapter, which changes nothing.
void check_same_layers(Model& model, const WeightFiles& files, const std::string& path) {
  const TensorShapes tensors = shapes_in(model, files);
  std::vector<std::string> only_file, only_model;
  for (const auto& [layer, shape] : adapted_layers_in(tensors)) only_file.push_back(layer);
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

// The model's layers by those of the file. Adapters of the size that the config claims are made for them
// next, so the file must have as much.
std::vector<Linear*> layers_of(Model& model, const WeightFiles& files, const AdapterFolder& folder) {
  const TensorShapes tensors = shapes_in(model, files);
  if (tensors.empty())
    fail_input("the file has no adapters (", folder.weights(), "); save the adapter again, as safetensors");
  TensorShapes wanted = adapted_layers_in(tensors);
  std::vector<Linear*> layers;
  for (Linear* layer : model.linears()) {
    const auto found = wanted.find(layer->path());
    if (found == wanted.end()) continue;
    const std::vector<std::int64_t> expected{folder.options.r, layer->matrix().size(1)};
    if (found->second != expected)
      fail_input("lora_A of ", layer->path(), " has not the shape ", Shape(expected),
                 " that its r and the model ask for (", folder.path,
                 "); use the model and the config that belong to the adapter");
    layers.push_back(layer);
    wanted.erase(found);
  }
  if (!wanted.empty())
    fail_input("the adapter is for ", quoted_name(wanted.begin()->first),
               ", which is no Linear layer of the model (", folder.path,
               "); use the model that it was trained on");
  return layers;
}

// Into adapters that are attached.
void load_tensors(Model& model, const WeightFiles& files, std::vector<std::string>& notes) {
  LoadReport report = load_weights(model, files);
  std::erase_if(report.mismatched, [&](const Mismatch& mismatch) {
    if (model.group_of(mismatch.name) != model.head()) return false;
    notes.push_back("the head is not the adapter's: " + mismatch.text());
    return true;
  });
  std::erase_if(report.missing,
                [](const std::string& name) { return name.find(".lora_") == std::string::npos; });
  if (!report.fits())
    fail_input("the adapter does not fit the model: ", describe_problems(report), " (", files.path(),
               "); use the model that it was trained on");
}

// A module by its path, as PEFT looks for it: by the end of its name, but by all of it where transformers
// calls it otherwise than its files do.
std::string name_for_peft(const Model& model, const std::string& path) {
  const std::string end = ".weight", name = model.name_in_peft(path + end);
  return name == model.name_in_file(path + end) ? path : name.substr(0, name.size() - end.size());
}

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

nlohmann::json config_json(Model& model, const AdapterSpec& spec, const ModelConfig& config,
                           const std::vector<std::string>& saved, const std::string& base) {
  const auto& lora = std::get<LoraOptions>(spec.layer);
  const bool whole = lora.alpha == std::floor(lora.alpha);
  const std::vector<Linear*> layers = model.linears();
  const bool in_out = std::any_of(layers.begin(), layers.end(), [](const Linear* layer) {
    return layer->lora() != nullptr && layer->layout() == WeightLayout::in_out;
  });
  nlohmann::json json{{"alpha_pattern", nlohmann::json::object()},
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
                      {"rank_pattern", nlohmann::json::object()},
                      {"revision", nullptr},
                      {"target_modules", targets_for_peft(model, spec)},
                      {"task_type", nullptr},
                      {"use_dora", lora.dora},
                      {"use_rslora", lora.rslora}};
  json["lora_alpha"] =
      whole ? nlohmann::json(static_cast<std::int64_t>(lora.alpha)) : nlohmann::json(lora.alpha);
  json["base_model_name_or_path"] = base.empty() ? nlohmann::json(nullptr) : nlohmann::json(base);
  if (takes_text(config)) json["task_type"] = "SEQ_CLS";
  for (const std::string& module : saved) json["modules_to_save"].push_back(name_for_peft(model, module));
  return json;
}

}  // namespace

bool is_adapter_folder(const std::string& path) {
  return !path.empty() && fs::exists(path + kConfigName) && !fs::exists(path + "/config.json");
}

AdapterFolder read_adapter_folder(const std::string& path) {
  const std::string file = path + kConfigName;
  const nlohmann::json json = read_json(file);
  if (!json.is_object()) fail_input("no adapter's config (", file, "); make the folder again");
  refuse_what_thaw_has_not(json, file);
  AdapterFolder folder;
  folder.path = path;
  LoraOptions& options = folder.options;
  options.r = read_within<std::int64_t>(json, "r", file, 8, 1, 65536);
  options.alpha = read_within<double>(json, "lora_alpha", file, 8, 1e-6, 1e6);
  options.dropout = read_within<double>(json, "lora_dropout", file, 0, 0, 0.99);
  read_optional_field(json, "use_rslora", file, options.rslora);
  read_optional_field(json, "use_dora", file, options.dora);
  read_optional_field(json, "base_model_name_or_path", file, folder.base);
  if (const auto task = json.find("task_type"); task != json.end() && task->is_string())
    folder.task_type = task->get<std::string>();
  if (const std::string beside = path + "/preprocess.json"; fs::exists(beside)) {
    const nlohmann::json preprocess = read_json(beside);
    read_field(preprocess, "labels", beside, folder.labels);
    read_optional_field(preprocess, "pooling", beside, folder.pooling);
  }
  if (!fs::exists(folder.weights()))
    fail_input("the folder has no adapter_model.safetensors (", path,
               "); save the adapter again, as safetensors");
  return folder;
}

void write_adapter_folder(const std::string& path, Model& model, const AdapterSpec& spec,
                          const ModelConfig& config, const Preprocess& preprocess, const std::string& base) {
  std::vector<std::string> saved = saved_modules(model, {});
  for (const std::string& module :
       spec.modules_to_save.empty() ? std::vector<std::string>{} : saved_modules(model, spec.modules_to_save))
    if (std::find(saved.begin(), saved.end(), module) == saved.end()) saved.push_back(module);
  // PEFT adapts no layer of a module that is saved whole: there the adapter is in the weight that is saved.
  std::map<const Parameter*, Tensor> folded;
  for (const Linear* layer : model.linears())
    if (layer->lora() != nullptr && is_in_any(layer->path(), saved))
      folded[layer->weight().get()] = layer->merged_weight();
  NamedTensors tensors;
  const auto add = [&](const std::string& name, const Tensor& tensor) {
    tensors.emplace_back("base_model.model." + model.name_in_peft(name), tensor.detach());
  };
  for (const ParameterPtr& parameter : model.parameters()) {
    if ((parameter->kind == ParameterKind::lora) == is_in_any(parameter->name, saved)) continue;
    const auto merged = folded.find(parameter.get());
    add(parameter->name, merged == folded.end() ? parameter->tensor : merged->second);
  }
  for (const BufferPtr& buffer : model.buffers())
    if (is_in_any(buffer->name, saved)) add(buffer->name, buffer->tensor);
  std::error_code error;
  fs::create_directories(path, error);
  if (error) fail("cannot make the folder ", path, ": ", error.message(), "; choose another --out");
  save_safetensors(path + "/adapter_model.safetensors", tensors, {{"format", "pt"}});
  write_preprocess(path, config, preprocess);
  atomic_write(path + kConfigName, config_json(model, spec, config, saved, base).dump(2) + "\n");
}

void load_adapter(Model& model, const AdapterFolder& folder, const AdapterSpec& spec,
                  std::vector<std::string>& notes) {
  const LoraOptions& mine = std::get<LoraOptions>(spec.layer);
  const LoraOptions& theirs = folder.options;
  if (mine.r != theirs.r || mine.dora != theirs.dora || mine.scale() != theirs.scale())
    fail_input("the adapter is a ", options_text(theirs), ", the strategy a ", options_text(mine), " (",
               folder.path, "); set the strategy's name, r, alpha and rslora to the adapter's");
  const WeightFiles files(folder.weights());
  check_same_layers(model, files, folder.path);
  load_tensors(model, files, notes);
}

std::int64_t fold_adapter(Model& model, const AdapterFolder& folder, std::vector<std::string>& notes) {
  const WeightFiles files(folder.weights());
  const std::vector<Linear*> layers = layers_of(model, files, folder);
  for (Linear* layer : layers) layer->attach(folder.options);
  model.refresh();
  load_tensors(model, files, notes);
  for (Linear* layer : layers) {
    layer->merge();
    layer->detach();
  }
  model.refresh();
  return static_cast<std::int64_t>(layers.size());
}

}  // namespace thaw
