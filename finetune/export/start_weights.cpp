#include "finetune/export/start_weights.h"

#include "finetune/export/recipe_model.h"

namespace thaw {

NamedTensors start_weights(const Model& model, const ModelSource& source) {
  const bool folder_has_rest =
      source.starts_from_folder() && !source.has_init() && is_read_from_folder(source.folder->config);
  NamedTensors tensors;
  for (const ParameterPtr& parameter : model.parameters()) {
    const bool is_in_folder =
        folder_has_rest && parameter->group != model.head() && parameter->kind != ParameterKind::lora;
    if (!is_in_folder) tensors.emplace_back(model.name_in_peft(parameter->name), parameter->tensor);
  }
  if (!folder_has_rest)
    for (const BufferPtr& buffer : model.buffers())
      tensors.emplace_back(model.name_in_peft(buffer->name), buffer->tensor);
  return tensors;
}

}  // namespace thaw
