#include "nn/module.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "nn/layers/linear.h"

namespace thaw {
namespace {

std::string join(const std::string& path, const std::string& name) {
  if (path.empty() || name.empty()) return path + name;
  return path + "." + name;
}

}  // namespace

const char* kind_name(ParameterKind kind) {
  constexpr const char* kNames[] = {"weight", "bias", "norm", "embedding", "lora", "adapter"};
  return kNames[static_cast<int>(kind)];
}

std::vector<Module*> Module::modules() {
  std::vector<Module*> all{this};
  for (const auto& [name, child] : children_)
    for (Module* module : child->modules()) all.push_back(module);
  return all;
}

std::vector<const Module*> Module::modules() const {
  std::vector<const Module*> all{this};
  for (const auto& [name, child] : children_)
    for (const Module* module : std::as_const(*child).modules()) all.push_back(module);
  return all;
}

std::vector<ParameterPtr> Module::parameters() const {
  std::vector<ParameterPtr> all;
  std::unordered_set<const Parameter*> seen;  // a tied parameter is in two places and counts once
  auto add = [&](const ParameterPtr& parameter) {
    if (seen.insert(parameter.get()).second) all.push_back(parameter);
  };
  for (const auto& [name, parameter] : parameters_) add(parameter);
  for (const auto& [name, child] : children_)
    for (const ParameterPtr& parameter : child->parameters()) add(parameter);
  return all;
}

std::vector<BufferPtr> Module::buffers() const {
  std::vector<BufferPtr> all;
  for (const auto& [name, buffer] : buffers_) all.push_back(buffer);
  for (const auto& [name, child] : children_)
    for (const BufferPtr& buffer : child->buffers()) all.push_back(buffer);
  return all;
}

void Module::train(bool on) {
  training_ = on;
  for (const auto& [name, child] : children_) child->train(on);
}

void Module::set_path(const std::string& path) {
  path_ = path;
  scope_ = scope_id(path);
  for (const auto& [name, parameter] : parameters_) {
    const std::string full = join(path, name);
    if (parameter->name.empty()) {
      parameter->name = full;
      parameter->tensor.set_name(full);
    } else if (parameter->name != full) {
      auto& aliases = parameter->aliases;
      if (std::find(aliases.begin(), aliases.end(), full) == aliases.end()) aliases.push_back(full);
    }
  }
  for (const auto& [name, buffer] : buffers_) buffer->name = join(path, name);
  for (const auto& [name, child] : children_) child->set_path(join(path, name));
}

ParameterPtr Module::add_parameter(const std::string& name, const Tensor& value, ParameterKind kind,
                                   bool is_bias) {
  auto parameter = std::make_shared<Parameter>();
  parameter->tensor = value;
  parameter->tensor.storage().set_category(memory::Category::parameter);
  parameter->tensor.set_requires_grad();
  parameter->kind = kind;
  parameter->is_bias = is_bias;
  tie_parameter(name, parameter);
  return parameter;
}

void Module::tie_parameter(const std::string& name, const ParameterPtr& parameter) {
  parameters_.emplace_back(name, parameter);
}

BufferPtr Module::add_buffer(const std::string& name, const Tensor& value) {
  auto buffer = std::make_shared<Buffer>();
  buffer->tensor = value;
  buffer->tensor.storage().set_category(memory::Category::parameter);
  buffers_.emplace_back(name, buffer);
  return buffer;
}

void Module::remove_module(const Module& module) {
  std::erase_if(children_, [&](const auto& child) { return child.second.get() == &module; });
}

Tensor Model::forward(const ModelInput& x) { return forward_after(0, begin(x)); }

Tensor Model::features(const ModelInput& x) { return features_after(0, begin(x)); }

void Model::run_stages(int first, int end, ModelState& state) {
  for (int stage = first; stage < end; ++stage) {
    if (stage == encoder_stages()) state.memory = std::exchange(state.h, {});
    if (std::find(recomputed_.begin(), recomputed_.end(), stage) != recomputed_.end())
      run_again_in_backward(stage, state);
    else if (stage < head())
      run_group(stage, state);
    else
      state = {.x = {}, .h = pool(std::move(state))};
  }
}

void Model::run_again_in_backward(int group, ModelState& state) {
  ModelState given = state;
  given.h = given.memory = {};
  const bool has_h = state.h.defined(), has_memory = state.memory.defined();
  const auto forward = [this, group, given, has_h, has_memory](const std::vector<Tensor>& inputs) {
    ModelState inside = given;
    if (has_h) inside.h = inputs.front();
    if (has_memory) inside.memory = inputs.back();
    run_group(group, inside);
    return inside.h;
  };
  // The lowest group reads the input itself.
  std::vector<Tensor> inputs;
  if (has_h) inputs.push_back(state.h);
  if (has_memory) inputs.push_back(state.memory);
  state.h = checkpoint(forward, inputs);
}

std::vector<std::vector<std::int64_t>> Model::write(const ModelState&, const WritingRules&) {
  fail("[model] a ", architecture(), " writes no texts");
}

Tensor Model::features_after(int stages, ModelState state) {
  run_stages(stages, this->stages(), state);
  const Tensor pooled = std::exchange(state, {}).h;
  return head_features(pooled);
}

Tensor Model::forward_after(int stages, ModelState state) {
  return output(features_after(stages, std::move(state)));
}

std::vector<Linear*> Model::linears() {
  std::vector<Linear*> found;
  for (Module* module : modules())
    if (auto* linear = dynamic_cast<Linear*>(module)) found.push_back(linear);
  return found;
}

const Linear& Model::output_layer() const {
  const Linear* last = nullptr;
  for (const Module* module : modules())
    if (const auto* linear = dynamic_cast<const Linear*>(module)) last = linear;
  return *last;
}

int Model::group_of(const std::string& dotted_name) const {
  for (std::size_t g = 0; g < groups_.size(); ++g)
    for (const std::string& prefix : groups_[g].prefixes)
      if (dotted_name == prefix || dotted_name.starts_with(prefix + ".")) return static_cast<int>(g);
  return -1;
}

void Model::finish(std::vector<Group> groups) {
  groups_ = std::move(groups);
  refresh();
  if (groups_.empty() || groups_.back().name != "head") fail("[model] the last group is not \"head\"");
  if (linears().empty() || group_of(output_layer().path()) != head())
    fail("[model] the output layer, the last Linear that is added, is not in the group \"head\"");
}

void Model::refresh() {
  set_path("");
  for (const ParameterPtr& parameter : parameters()) {
    parameter->group = group_of(parameter->name);
    if (parameter->group < 0) fail("[model] the parameter '", parameter->name, "' belongs to no group");
  }
}

}  // namespace thaw
