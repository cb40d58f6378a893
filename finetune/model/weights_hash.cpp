#include "finetune/model/weights_hash.h"

#include "kernels/view.h"

namespace thaw {

void add_tensor(Sha256& hash, const std::string& name, const Tensor& tensor) {
  const ConstView view = tensor;
  hash.update(name);
  hash.update(view.data, static_cast<std::size_t>(tensor.bytes()));
}

std::string hash_of_weights(const Model& model) {
  Sha256 hash;
  for (const ParameterPtr& parameter : model.parameters())
    add_tensor(hash, parameter->name, parameter->tensor);
  for (const BufferPtr& buffer : model.buffers()) add_tensor(hash, buffer->name, buffer->tensor);
  return hash.hex();
}

std::string hash_of_model(const Model& model, const ModelConfig& config) {
  return sha256_hex(write_model_config(config) + hash_of_weights(model));
}

}  // namespace thaw
