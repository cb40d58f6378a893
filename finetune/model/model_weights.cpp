#include "finetune/model/model_weights.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string_view>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops.h"
#include "finetune/common/text.h"
#include "kernels/kernels.h"
#include "nn/io/safetensors_header.h"
#include "nn/layers/linear.h"
#include "nn/models/registry.h"

namespace thaw {
namespace {

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
std::vector<std::string> missing_names(const Model& model, const std::map<std::string, std::string>& seen) {
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

// What programs that wrap a model put before its tensors' names: PEFT, and those that are worth saying,
// PyTorch's data parallel models, torch.compile and Lightning.
constexpr std::string_view kPeftPrefix = "base_model.model.";
constexpr std::string_view kWrappers[] = {"module.", "_orig_mod.", "model."};

std::string_view wrapper_of(std::string_view name) {
  for (const std::string_view wrapper : kWrappers)
    if (name.starts_with(wrapper)) return wrapper;
  return {};
}

struct BareName {
  std::string name;
  std::string wrappers;  // that stood before it, but for PEFT's
};

// `own`: what the names of the model's checkpoints begin with, which is no wrapper's.
BareName without_wrappers(const std::string& name_in_file, std::string_view own) {
  std::string_view name = name_in_file;
  BareName bare;
  while (true) {
    if (!own.empty() && name.starts_with(own)) {
      bare.name = name;
      return bare;
    }
    if (name.starts_with(kPeftPrefix)) {
      name.remove_prefix(kPeftPrefix.size());
    } else if (const std::string_view wrapper = wrapper_of(name); !wrapper.empty()) {
      bare.wrappers += wrapper;
      name.remove_prefix(wrapper.size());
    } else {
      bare.name = name;
      return bare;
    }
  }
}

// What the config.json beside the weights says of their head; empty where there is none, or one that is not
// for this version.
std::string foreign_head_beside(const std::string& weights) {
  const std::string config = (std::filesystem::path(weights).parent_path() / "config.json").string();
  if (!std::filesystem::exists(config)) return "";
  try {
    return read_model_config(config).foreign_head;
  } catch (const InputError&) {
    return "";
  }
}

// What the names in files mean to a model.
class FileNames {
 public:
  FileNames(const Model& model, const WeightFiles& files)
      : model_(model), head_(foreign_head_beside(files.path())), places_(places_of(model)) {}

  // Nothing for what is no part of the model, such as a head that is for something else.
  std::optional<std::string> in_model(const std::string& name_in_file) {
    const BareName bare = without_wrappers(name_in_file, model_.prefix_in_file());
    std::optional<std::string> name = model_.name_in_model(bare.name);
    if (!head_.empty() && !is_in_backbone(bare.name, name)) {
      passed_over_ = true;
      return std::nullopt;
    }
    if (!bare.wrappers.empty()) wrappers_.insert(bare.wrappers);
    return name;
  }

  Places& places() { return places_; }

  std::vector<std::string> notes(const std::string& path) const {
    std::vector<std::string> notes;
    if (passed_over_)
      notes.push_back(concat("the head in ", path, " is passed over: it is ", head_,
                             model_.gives_sequences() ? ", no recogniser's by CTC" : ", no classifier's"));
    if (!wrappers_.empty())
      notes.push_back(concat("names in ", path, " begin with ",
                             joined(std::vector<std::string>(wrappers_.begin(), wrappers_.end())),
                             ", which is left out"));
    return notes;
  }

 private:
  bool is_in_backbone(const std::string& name_in_file, const std::optional<std::string>& name) const {
    const std::string_view prefix = model_.prefix_in_file();
    return name_in_file.starts_with(prefix) ||
           (name && places_.contains(*name) &&
            (model_.group_of(*name) != model_.head() || model_.name_in_file(*name).starts_with(prefix)));
  }

  const Model& model_;
  std::string head_;  // of something else than a classifier; empty: none
  Places places_;
  bool passed_over_ = false;
  std::set<std::string> wrappers_;
};

}  // namespace

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
  return model.name_in_model(without_wrappers(name_in_file, model.prefix_in_file()).name);
}

Tensor rows_in_order(const Tensor& tensor, const std::vector<std::int64_t>& rows) {
  const Shape shape{static_cast<std::int64_t>(rows.size())};
  return index_select(tensor, 0, from_vector({rows.begin(), rows.end()}, shape, {DType::i64}));
}

TensorShapes shapes_in(const Model& model, const WeightFiles& files) {
  TensorShapes shapes;
  FileNames names(model, files);
  for (const SafetensorsFile& file : files.files())
    for (const SafetensorsEntry& entry : file.entries())
      if (const auto name = names.in_model(entry.name)) shapes[*name] = entry.shape;
  return shapes;
}

LoadReport load_weights(Model& model, const WeightFiles& files) {
  const NoGrad no_grad;
  LoadReport report;
  FileNames names(model, files);
  Places& places = names.places();
  std::map<std::string, std::string> seen;  // the model's names, with those in the files
  for (const SafetensorsFile& file : files.files())
    for (const SafetensorsEntry& entry : file.entries()) {
      const std::optional<std::string> name = names.in_model(entry.name);
      if (!name) continue;
      const auto place = places.find(*name);
      if (place == places.end()) {
        report.unexpected.push_back(entry.name);
        continue;
      }
      const auto [first, is_first] = seen.emplace(*name, entry.name);
      if (!is_first)
        fail_input("two tensors are the model's ", *name, ": ", quoted_name(first->second), " and ",
                   quoted_name(entry.name), " (", file.path(), "); keep one of them");
      if (!seen.contains(place->second.name) || *name == place->second.name)
        load_tensor(file, entry, *name, place->second.tensor, report);
    }
  report.missing = missing_names(model, seen);
  report.notes = names.notes(files.path());
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
