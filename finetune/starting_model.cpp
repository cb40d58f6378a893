// From a config to a model with its starting weights.
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/autograd.h"
#include "core/error.h"
#include "finetune/experiment.h"
#include "kernels/kernels.h"
#include "nn/init.h"
#include "nn/layers/linear.h"
#include "nn/weight_files.h"

namespace thaw {
namespace {

void check_fits_memory(const ModelConfig& config) {
  const double bytes = 4.0 * static_cast<double>(count_elements(config));
  const double machine =
      static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE));
  if (bytes > machine)
    fail_input("the model's parameters need ", bytes / 1e9, " GB (", config.architecture, " on a machine of ",
               machine / 1e9, " GB); use a smaller model");
}

// Everything in the file must have a place in the model, except a head of another shape, which stays new.
void load_init(Model& model, const std::string& path, std::vector<std::string>& notes) {
  LoadReport report = load_weights(model, WeightFiles(path));
  std::erase_if(report.mismatched, [&](const std::string& text) {
    const std::string name = text.substr(0, text.find(':'));
    if (model.group_of(name) + 1 != static_cast<int>(model.groups().size())) return false;
    notes.push_back("the head is new: " + text);
    return true;
  });
  report.missing.clear();  // any subset of the names will do
  if (!report.unexpected.empty() || !report.mismatched.empty())
    fail_input("the weights in ", path, " do not fit the model: ", describe_problems(report),
               "; rename them or change [model]");
}

bool has_labels_of(const ModelFolder& folder, const PreparedData& data) {
  const std::vector<std::string>& labels = folder.preprocess.labels;
  if (!labels.empty()) return labels == data.train.classes;
  return folder.config.outputs ==
         static_cast<std::int64_t>(std::max<std::size_t>(data.train.classes.size(), 1));
}

// What a new head is made of: all that stands above the last layer but norms, which hang on no label.
std::vector<ParameterPtr> head_parameters(const Model& model) {
  std::vector<ParameterPtr> parameters = model.parameters();
  const int head = static_cast<int>(model.groups().size()) - 1;
  std::erase_if(parameters, [head](const ParameterPtr& parameter) {
    return parameter->group != head || parameter->kind == ParameterKind::norm;
  });
  return parameters;
}

// All of them, in the model's shapes.
bool has_head(const WeightFiles& files, const Model& model) {
  std::map<std::string, std::vector<std::int64_t>> shapes;
  for (const SafetensorsFile& file : files.files())
    for (const SafetensorsEntry& entry : file.entries())
      if (const auto name = model_name(model, entry.name)) shapes[*name] = entry.shape;
  const std::vector<ParameterPtr> parameters = head_parameters(model);
  return std::all_of(parameters.begin(), parameters.end(), [&](const ParameterPtr& parameter) {
    const auto found = shapes.find(parameter->name);
    return found != shapes.end() && Shape(found->second) == parameter->tensor.shape();
  });
}

void load_folder(Model& model, const Config& config, const PreparedData& data, bool allow_missing,
                 std::vector<std::string>& notes) {
  const ModelFolder folder = read_model_folder(config.model.from);
  const WeightFiles files(folder.path);
  const bool new_labels = !has_labels_of(folder, data);
  const bool new_head = new_labels || !has_head(files, model);
  const std::vector<ParameterPtr> parameters = head_parameters(model);
  std::set<std::string> names;
  std::vector<Tensor> fresh;
  const NoGrad no_grad;
  for (const ParameterPtr& parameter : parameters) {
    names.insert(parameter->name);
    fresh.push_back(parameter->tensor.clone());
  }
  LoadReport report = load_weights(model, files);
  const auto is_head = [&](const std::string& text) {
    return names.contains(text.substr(0, text.find(':')));
  };
  std::erase_if(report.missing, is_head);
  std::erase_if(report.mismatched, is_head);
  if (new_head) {
    for (std::size_t i = 0; i < parameters.size(); ++i)
      kernels::copy(parameters[i]->tensor, std::as_const(fresh[i]));
    notes.push_back(concat("the head is new: ", new_labels ? "its labels differ from the task's"
                                                           : "the folder has none that fits"));
  }
  const bool problems = !report.missing.empty() || !report.unexpected.empty() || !report.mismatched.empty();
  if (problems && !allow_missing)
    fail_input("the weights in ", files.path(), " do not fit: ", describe_problems(report),
               "; use the matching config.json, or --allow-missing");
  if (problems) notes.push_back("warning: " + describe_problems(report));
}

}  // namespace

ModelConfig model_config(const Config& config, const PreparedData& data) {
  ModelConfig model;
  if (is_model_folder(config.model.from)) {
    const ModelFolder folder = read_model_folder(config.model.from);
    model = folder.config;
    if (!takes_text(model) && model.sample_shape != data.train.sample_shape)
      fail_input("the model in ", config.model.from, " takes samples ", Shape(model.sample_shape),
                 ", the data have ", Shape(data.train.sample_shape), "; use data of that shape");
    if (!config.model.pooling.empty()) model.transformer.pooling = config.model.pooling;
  } else {
    model.architecture = config.model.from;
    model.hidden = config.model.hidden;
    model.activation = config.model.activation;
    model.width = config.model.width;
    model.depth = config.model.depth;
  }
  if (config.model.dropout) set_dropout(model, *config.model.dropout);
  if (takes_text(model))
    model.transformer.pad_id = data.train.pad_id;
  else
    model.sample_shape = data.train.sample_shape;
  model.labels = data.train.classes;
  model.outputs = data.regression ? 1 : static_cast<std::int64_t>(data.train.classes.size());
  check_fits_memory(model);
  return model;
}

PreparedModel prepare_model(const Config& config, const PreparedData& data, std::uint64_t seed,
                            const std::optional<LoraSpec>& lora, bool allow_missing) {
  PreparedModel prepared;
  prepared.config = model_config(config, data);
  const InitSeed init_seed(seed);
  prepared.model = make_model(prepared.config);
  if (is_model_folder(config.model.from) && config.model.pretrained)
    load_folder(*prepared.model, config, data, allow_missing, prepared.notes);
  if (lora) attach_lora(*prepared.model, *lora, seed);
  if (!config.model.init.empty()) load_init(*prepared.model, config.model.init, prepared.notes);
  return prepared;
}

bool head_is_new(const Config& config, const PreparedData& data, const Model& model) {
  if (!config.model.init.empty() && has_head(WeightFiles(config.model.init), model)) return false;
  if (!is_model_folder(config.model.from) || !config.model.pretrained) return true;
  const ModelFolder folder = read_model_folder(config.model.from);
  return !has_labels_of(folder, data) || !has_head(WeightFiles(folder.path), model);
}

void attach_lora(Model& model, const LoraSpec& spec, std::uint64_t seed) {
  const InitSeed init_seed(seed, model.parameters().front()->tensor.device());
  const int head = static_cast<int>(model.groups().size()) - 1;
  auto is_target = [&](const Linear& linear) {
    if (spec.target_modules.empty()) return model.group_of(linear.path()) != head;
    return std::any_of(spec.target_modules.begin(), spec.target_modules.end(),
                       [&](const std::string& target) {
                         return linear.path() == target || linear.path().ends_with("." + target);
                       });
  };
  int attached = 0;
  std::string known;
  for (Linear* linear : model.linears()) {
    known += (known.empty() ? "" : ", ") + linear->path();
    if (!is_target(*linear)) continue;
    linear->attach({spec.r, spec.alpha, spec.dropout});
    ++attached;
  }
  if (attached == 0)
    throw NothingToAdapt(concat("lora finds no layer to adapt",
                                spec.target_modules.empty() ? " below the head" : " among target_modules",
                                "; the Linear layers are: ", known));
  model.refresh();
}

}  // namespace thaw
