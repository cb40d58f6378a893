#include "finetune/model_folder.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "core/autograd.h"
#include "core/error.h"
#include "finetune/data/text.h"
#include "finetune/sentence_modules.h"
#include "finetune/tokenizer/tokenizer.h"
#include "kernels/kernels.h"
#include "nn/json_file.h"
#include "nn/layers/linear.h"
#include "nn/models/transformer.h"
#include "nn/safetensors_header.h"

namespace thaw {
namespace {

namespace fs = std::filesystem;
constexpr const char* kFolded = "thaw_folded";  // in preprocess.json and among the weights' metadata

// `pooling`, and `normalize`, which it begins with, stay as they are where the file names none.
Preprocess read_preprocess(const std::string& path, bool normalize, std::string& pooling) {
  const nlohmann::json json = read_json(path);
  Preprocess p;
  p.normalize = normalize;
  read_field(json, "task", path, p.task);
  read_field(json, "sample_shape", path, p.sample_shape);
  read_field(json, "columns", path, p.columns);
  read_field(json, "mean", path, p.mean);
  read_field(json, "deviation", path, p.deviation);
  read_field(json, "labels", path, p.labels);
  read_field(json, "label", path, p.label_column);
  read_field(json, "group", path, p.group_column);
  read_optional_field(json, "text", path, p.text_column);
  read_optional_field(json, "text_pair", path, p.pair_column);
  read_optional_field(json, "max_length", path, p.max_length);
  read_optional_field(json, "pooling", path, pooling);
  read_optional_field(json, "normalize", path, p.normalize);
  read_optional_field(json, kFolded, path, p.has_folded);
  if (p.mean.size() != p.deviation.size())
    fail_input("'mean' and 'deviation' have different lengths (", path, "); make the folder again");
  return p;
}

struct Place {
  Tensor tensor;
  std::string name;  // the first of a tied weight's: it counts where a file has several
};
using Places = std::map<std::string, Place>;
Places places_of(const Model& model) {
  Places places;
  for (const ParameterPtr& parameter : model.parameters()) {
    places[parameter->name] = {parameter->tensor, parameter->name};
    for (const std::string& alias : parameter->aliases) places[alias] = {parameter->tensor, parameter->name};
  }
  for (const BufferPtr& buffer : model.buffers()) places[buffer->name] = {buffer->tensor, buffer->name};
  return places;
}

// Tied weights are there when one of their names is.
std::vector<std::string> missing_names(const Model& model, const std::set<std::string>& seen) {
  std::vector<std::string> missing;
  for (const ParameterPtr& parameter : model.parameters()) {
    const auto& aliases = parameter->aliases;
    if (!seen.contains(parameter->name) &&
        std::none_of(aliases.begin(), aliases.end(),
                     [&](const std::string& alias) { return seen.contains(alias); }))
      missing.push_back(parameter->name);
  }
  for (const BufferPtr& buffer : model.buffers())
    if (!seen.contains(buffer->name)) missing.push_back(buffer->name);
  return missing;
}

void load_tensor(const SafetensorsFile& file, const SafetensorsEntry& entry, const std::string& name,
                 Tensor& to, LoadReport& report) {
  if (entry.shape == std::vector<std::int64_t>(to.shape().begin(), to.shape().end())) {
    if (is_floating(to.dtype()) && !entry.dtype.starts_with('F') && entry.dtype != "BF16")
      fail_input("the weights ", quoted_name(entry.name), " have dtype ", entry.dtype, " (", file.path(),
                 "), which is not one of weights here; convert them to F32, F64, F16 or BF16");
    kernels::copy(to, file.load_as(entry.name, to.dtype()));
    return;
  }
  report.mismatched.push_back(
      {name, concat("the file has ", shape_text(entry.shape), ", the model ", to.shape())});
}

std::vector<std::string> input_files(const ModelConfig& config, const std::string& folder) {
  if (takes_text(config)) return load_tokenizer(folder)->files();
  if (read_image_input(folder, config)) return {kImageInputName};
  return {};
}

void copy_input_files(const ModelConfig& config, const std::string& from, const std::string& to) {
  for (const std::string& name : input_files(config, from))
    atomic_write(concat(to, '/', name), read_file(concat(from, '/', name), kMaxTokenizerBytes));
}

// What a folder without a config.json may be instead.
[[noreturn]] void refuse_folder(const std::string& path) {
  const bool has_run = fs::exists(path + "/metrics.jsonl");  // which no comparison writes
  if (has_run && fs::exists(path + "/run.json"))
    fail_input("the run diverged, and has left no model (", path,
               "/run.json); give the folder of another run");
  if (has_run)
    fail_input("the run has not come to its end (", path, "); go on with thaw train ", path,
               "/config.toml --out ", path, " --resume");
  if (fs::exists(path + "/adapter_config.json"))
    fail_input("this is the folder of an adapter, not of a whole model (", path,
               "); set model.from to its base and model.init to it, or merge them with thaw merge");
  fail_input("the folder has no config.json (", path, "); give one with config.json and model.safetensors");
}

}  // namespace

bool is_model_folder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

ModelFolder read_model_folder(const std::string& path) {
  if (!is_model_folder(path))
    fail_input("there is no model folder (", path, "); give one with config.json and model.safetensors");
  if (!fs::exists(path + "/config.json")) refuse_folder(path);
  ModelFolder folder;
  folder.path = path;
  folder.config = read_model_config(path + "/config.json");
  std::string& pooling = folder.config.transformer.pooling;
  folder.preprocess.normalize = read_sentence_modules(path, pooling);
  folder.has_preprocess = fs::exists(path + "/preprocess.json");
  if (folder.has_preprocess) {
    folder.preprocess = read_preprocess(path + "/preprocess.json", folder.preprocess.normalize, pooling);
  } else {
    folder.preprocess.labels = folder.config.labels;
    // As in transformers: one output is a number.
    if (folder.config.outputs == 1) folder.preprocess.task = "regression";
  }
  folder.images = read_image_input(path, folder.config);
  if (!has_weights(path))
    fail_input("the folder ", path, " has no model.safetensors",
               fs::exists(path + "/pytorch_model.bin")
                   ? ", and thaw reads no pytorch_model.bin; save the model again with safetensors"
                   : "; give the whole folder of a model, or finish the run that makes it");
  return folder;
}

std::string classifier_pooling(const ModelFolder& folder) {
  const std::string& said = folder.config.transformer.pooling;
  return folder.has_preprocess || said == kLastToken ? said : "pooler";
}

void use_preprocess(const std::string& path, ModelFolder& folder) {
  folder.preprocess = read_preprocess(path, folder.preprocess.normalize, folder.config.transformer.pooling);
  folder.has_preprocess = true;
  folder.config.labels = folder.preprocess.labels;
  folder.config.outputs = std::max<std::int64_t>(static_cast<std::int64_t>(folder.config.labels.size()), 1);
}

void write_preprocess(const std::string& path, const ModelConfig& config, const Preprocess& p) {
  nlohmann::ordered_json preprocess{{"task", p.task},           {"sample_shape", p.sample_shape},
                                    {"columns", p.columns},     {"mean", p.mean},
                                    {"deviation", p.deviation}, {"labels", p.labels},
                                    {"label", p.label_column},  {"group", p.group_column}};
  if (takes_text(config)) {
    preprocess["text"] = p.text_column;
    if (!p.pair_column.empty()) preprocess["text_pair"] = p.pair_column;
    preprocess["max_length"] = p.max_length;
    preprocess["pooling"] = config.transformer.pooling;
    preprocess["normalize"] = p.normalize;
  }
  if (p.has_folded) preprocess[kFolded] = true;
  atomic_write(path + "/preprocess.json", preprocess.dump(2) + "\n");
}

void write_model_folder(const std::string& path, const ModelConfig& config, const Preprocess& preprocess,
                        const NamedTensors& weights, const std::string& inputs) {
  std::map<std::string, std::string> metadata{{"format", "pt"}};
  if (preprocess.has_folded) metadata[kFolded] = "adapter";
  save_safetensors(path + "/" + kWeightsName, weights, metadata);
  if (!inputs.empty()) copy_input_files(config, inputs, path);
  write_preprocess(path, config, preprocess);
  atomic_write(path + "/config.json", write_model_config(config));
}

bool has_folded_adapter(const std::string& path) {
  if (WeightFiles(path).files().front().metadata().contains(kFolded)) return true;
  bool folded = false;
  const std::string preprocess = path + "/preprocess.json";
  if (fs::exists(preprocess)) read_optional_field(read_json(preprocess), kFolded, preprocess, folded);
  return folded;
}

NamedTensors merged_weights(Model& model) {
  std::map<const Parameter*, Tensor> merged;
  for (Linear* linear : model.linears())
    if (linear->lora() != nullptr) merged[linear->weight().get()] = linear->merged_weight();
  NamedTensors tensors;
  for (const ParameterPtr& parameter : model.parameters()) {
    if (parameter->kind == ParameterKind::lora) continue;
    const auto found = merged.find(parameter.get());
    const Tensor value = (found == merged.end() ? parameter->tensor : found->second).detach();
    std::set<std::string> names = {model.name_in_file(parameter->name)};
    for (const std::string& alias : parameter->aliases) names.insert(model.name_in_file(alias));
    for (const std::string& name : names) tensors.emplace_back(name, value);
  }
  for (const BufferPtr& buffer : model.buffers())
    tensors.emplace_back(model.name_in_file(buffer->name), buffer->tensor);
  return tensors;
}

std::optional<std::string> model_name(const Model& model, const std::string& name_in_file) {
  constexpr std::string_view kPeftPrefix = "base_model.model.";
  return model.name_in_model(name_in_file.starts_with(kPeftPrefix) ? name_in_file.substr(kPeftPrefix.size())
                                                                   : name_in_file);
}

TensorShapes shapes_in(const Model& model, const WeightFiles& files) {
  TensorShapes shapes;
  for (const SafetensorsFile& file : files.files())
    for (const SafetensorsEntry& entry : file.entries())
      if (const auto name = model_name(model, entry.name)) shapes[*name] = entry.shape;
  return shapes;
}

LoadReport load_weights(Model& model, const WeightFiles& files) {
  const NoGrad no_grad;
  LoadReport report;
  Places places = places_of(model);
  std::set<std::string> seen;
  for (const SafetensorsFile& file : files.files())
    for (const SafetensorsEntry& entry : file.entries()) {
      const std::optional<std::string> name = model_name(model, entry.name);
      if (!name) continue;
      const auto place = places.find(*name);
      if (place == places.end())
        report.unexpected.push_back(entry.name);
      else if (!seen.insert(*name).second)
        fail_input("two tensors are the model's ", *name, ", the second is ", quoted_name(entry.name), " (",
                   file.path(), "); keep one of them");
      else if (!seen.contains(place->second.name) || *name == place->second.name)
        load_tensor(file, entry, *name, place->second.tensor, report);
    }
  report.missing = missing_names(model, seen);
  return report;
}

std::string describe_problems(const LoadReport& report) {
  auto list = [](const char* what, const std::vector<std::string>& names) {
    if (names.empty()) return std::string();
    std::string text = concat(names.size(), ' ', what, " (");
    for (std::size_t i = 0; i < std::min<std::size_t>(3, names.size()); ++i)
      text += (i ? ", " : "") + names[i];
    return text + (names.size() > 3 ? ", …) " : ") ");
  };
  std::vector<std::string> mismatched;
  for (const Mismatch& mismatch : report.mismatched) mismatched.push_back(mismatch.text());
  std::string text = list("missing", report.missing) + list("unexpected", report.unexpected) +
                     list("of another shape", mismatched);
  if (!text.empty()) text.pop_back();
  return text;
}

}  // namespace thaw
