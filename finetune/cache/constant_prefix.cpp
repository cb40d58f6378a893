#include "finetune/cache/constant_prefix.h"

namespace thaw {
namespace {

// What in a group changes from pass to pass; nothing: EndOfPrefix::none.
ConstantPrefix end_in_group(const Model& model, int group, bool in_training) {
  for (const ParameterPtr& parameter : model.parameters())
    if (parameter->group == group && parameter->requires_grad())
      return {group, EndOfPrefix::trains, parameter->name};
  for (const Module* module : model.modules()) {
    if (model.group_of(module->path()) != group) continue;
    const TrainingEffects effects = module->training_effects();
    if (in_training && effects.draws) return {group, EndOfPrefix::draws, module->path()};
    if (in_training && effects.mixes) return {group, EndOfPrefix::mixes, module->path()};
    if (effects.updates) return {group, EndOfPrefix::updates, module->path()};
  }
  return {group + 1};
}

}  // namespace

ConstantPrefix constant_prefix(const Model& model, bool in_training) {
  for (int group = 0; group < model.head(); ++group) {
    if (group == model.encoder_stages()) return {group, EndOfPrefix::encoder};
    if (ConstantPrefix found = end_in_group(model, group, in_training); found.end != EndOfPrefix::none)
      return found;
  }
  if (model.pools_with_parameters()) {
    ConstantPrefix found = end_in_group(model, model.head(), in_training);
    if (found.end != EndOfPrefix::none) return found;
  }
  return {model.stages()};
}

std::string name_of_stage(const Model& model, int stages) {
  return stages == model.stages() ? "pooling" : model.groups()[static_cast<std::size_t>(stages - 1)].name;
}

}  // namespace thaw
