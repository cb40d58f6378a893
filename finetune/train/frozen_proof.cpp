#include "finetune/train/frozen_proof.h"

#include "finetune/model/weights_hash.h"
#include "finetune/train/step.h"
#include "nn/io/sha256.h"

namespace thaw {

std::string frozen_hash(const Model& model, FrozenNorm frozen_norm, std::int64_t& tensors,
                        std::int64_t& bytes) {
  Sha256 hash;
  tensors = bytes = 0;
  auto add = [&](const std::string& name, const Tensor& tensor) {
    add_tensor(hash, name, tensor);
    ++tensors;
    bytes += tensor.bytes();
  };
  for (const ParameterPtr& parameter : model.parameters())
    if (!parameter->requires_grad()) add(parameter->name, parameter->tensor);
  const std::vector<bool> frozen = frozen_groups(model);
  for (const BufferPtr& buffer : model.buffers()) {
    const int group = model.group_of(buffer->name);
    if (frozen_norm == FrozenNorm::still && group >= 0 && frozen[static_cast<std::size_t>(group)])
      add(buffer->name, buffer->tensor);
  }
  return hash.hex();
}

}  // namespace thaw
