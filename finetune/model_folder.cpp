#include "finetune/model_folder.h"

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/autograd.h"
#include "core/error.h"
#include "finetune/json_file.h"
#include "kernels/kernels.h"
#include "nn/layers/linear.h"

namespace thaw {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

ModelConfig read_config(const std::string& path) {
  const nlohmann::json json = read_json(path);
  ModelConfig config;
  std::string type;
  read_field(json, "model_type", path, type);
  if (type != "thaw-mlp" && type != "thaw-cnn")
    fail_input("model_type '", type, "' (", path,
               ") is not in this version; it reads thaw-mlp and thaw-cnn folders");
  config.architecture = type.substr(5);
  if (config.architecture == "mlp") {
    read_field(json, "hidden", path, config.hidden);
    read_field(json, "activation", path, config.activation);
  } else {
    read_field(json, "width", path, config.width);
    read_field(json, "depth", path, config.depth);
  }
  read_field(json, "dropout", path, config.dropout);
  read_field(json, "sample_shape", path, config.sample_shape);
  read_field(json, "outputs", path, config.outputs);
  return config;
}

Preprocess read_preprocess(const std::string& path) {
  const nlohmann::json json = read_json(path);
  Preprocess p;
  read_field(json, "task", path, p.task);
  read_field(json, "sample_shape", path, p.sample_shape);
  read_field(json, "columns", path, p.columns);
  read_field(json, "mean", path, p.mean);
  read_field(json, "deviation", path, p.deviation);
  read_field(json, "labels", path, p.labels);
  read_field(json, "label", path, p.label_column);
  read_field(json, "group", path, p.group_column);
  if (p.mean.size() != p.deviation.size())
    fail_input("'mean' and 'deviation' have different lengths (", path, "); make the folder again");
  return p;
}

using Places = std::map<std::string, Tensor>;
Places places_of(const Model& model) {
  Places places;
  for (const ParameterPtr& parameter : model.parameters()) {
    places[parameter->name] = parameter->tensor;
    for (const std::string& alias : parameter->aliases) places[alias] = parameter->tensor;
  }
  for (const BufferPtr& buffer : model.buffers()) places[buffer->name] = buffer->tensor;
  return places;
}

}  // namespace

bool is_model_folder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

ModelFolder read_model_folder(const std::string& path) {
  if (!is_model_folder(path))
    fail_input("there is no model folder (", path, "); give one with config.json and model.safetensors");
  ModelFolder folder;
  folder.config = read_config(path + "/config.json");
  if (fs::exists(path + "/preprocess.json")) folder.preprocess = read_preprocess(path + "/preprocess.json");
  folder.weights = path + "/model.safetensors";
  if (!fs::exists(folder.weights))
    fail_input("the folder ", path, " has no model.safetensors; finish its training run");
  return folder;
}

void write_model_folder(const std::string& path, const ModelConfig& config, const Preprocess& p,
                        const NamedTensors& weights) {
  Json json{{"model_type", "thaw-" + config.architecture}};
  if (config.architecture == "mlp") {
    json["hidden"] = config.hidden;
    json["activation"] = config.activation;
  } else {
    json["width"] = config.width;
    json["depth"] = config.depth;
  }
  json["dropout"] = config.dropout;
  json["sample_shape"] = config.sample_shape;
  json["outputs"] = config.outputs;
  const Json preprocess{{"task", p.task},          {"sample_shape", p.sample_shape}, {"columns", p.columns},
                        {"mean", p.mean},          {"deviation", p.deviation},       {"labels", p.labels},
                        {"label", p.label_column}, {"group", p.group_column}};
  save_safetensors(path + "/model.safetensors", weights, {{"format", "pt"}});
  atomic_write(path + "/preprocess.json", preprocess.dump(2) + "\n");
  atomic_write(path + "/config.json", json.dump(2) + "\n");
}

NamedTensors merged_weights(Model& model) {
  std::map<const Parameter*, Tensor> merged;
  for (Linear* linear : model.linears())
    if (linear->adapter() != nullptr) merged[linear->weight().get()] = linear->merged_weight();
  NamedTensors tensors;
  for (const ParameterPtr& parameter : model.parameters()) {
    if (parameter->kind == ParameterKind::lora) continue;
    const auto found = merged.find(parameter.get());
    const Tensor value = (found == merged.end() ? parameter->tensor : found->second).detach();
    tensors.emplace_back(parameter->name, value);
    for (const std::string& alias : parameter->aliases) tensors.emplace_back(alias, value);
  }
  for (const BufferPtr& buffer : model.buffers()) tensors.emplace_back(buffer->name, buffer->tensor);
  return tensors;
}

std::string model_name(const std::string& name_in_file) {
  constexpr std::string_view kPeftPrefix = "base_model.model.";
  return name_in_file.starts_with(kPeftPrefix) ? name_in_file.substr(kPeftPrefix.size()) : name_in_file;
}

LoadReport load_weights(Model& model, const SafetensorsFile& file) {
  const NoGrad no_grad;
  LoadReport report;
  Places places = places_of(model);
  std::set<std::string> seen;
  for (const auto& entry : file.entries()) {
    const std::string name = model_name(entry.name);
    const auto place = places.find(name);
    if (place == places.end()) {
      report.unexpected.push_back(entry.name);
      continue;
    }
    seen.insert(name);
    Tensor& tensor = place->second;
    if (entry.shape != std::vector<std::int64_t>(tensor.shape().begin(), tensor.shape().end())) {
      std::string shape;
      for (const std::int64_t size : entry.shape) shape += (shape.empty() ? "" : ", ") + std::to_string(size);
      report.mismatched.push_back(concat(name, ": the file has [", shape, "], the model ", tensor.shape()));
    } else {
      kernels::copy(tensor,
                    std::as_const(static_cast<const Tensor&>(file.load_as(entry.name, tensor.dtype()))));
    }
  }
  for (const auto& [name, tensor] : places)
    if (!seen.contains(name)) report.missing.push_back(name);
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
  std::string text = list("missing", report.missing) + list("unexpected", report.unexpected) +
                     list("of another shape", report.mismatched);
  if (!text.empty()) text.pop_back();
  return text;
}

}  // namespace thaw
