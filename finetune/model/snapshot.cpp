#include "finetune/model/snapshot.h"

#include "core/autograd.h"
#include "core/error.h"
#include "kernels/kernels.h"

namespace thaw {

NamedModelTensors model_tensors(const Model& model) {
  NamedModelTensors all;
  for (const ParameterPtr& parameter : model.parameters()) {
    all.names.push_back(parameter->name);
    all.tensors.push_back(parameter->tensor);
  }
  for (const BufferPtr& buffer : model.buffers()) {
    all.names.push_back(buffer->name);
    all.tensors.push_back(buffer->tensor);
  }
  return all;
}

void copy_into(const Tensor& to, const Tensor& from) {
  const NoGrad no_grad;
  if (!(to.shape() == from.shape()))
    fail_input("the checkpoint has a tensor ", from.shape(), " where the model has ", to.shape(),
               "; it belongs to another model");
  Tensor target = to;
  kernels::copy(target, from);
}

Snapshot take_snapshot(const Model& model) {
  const NoGrad no_grad;
  const CategoryScope category(memory::Category::snapshot);
  Snapshot snapshot;
  for (const Tensor& tensor : model_tensors(model).tensors) snapshot.push_back(tensor.clone());
  return snapshot;
}

void replace_snapshot(Snapshot& snapshot, const Model& model) {
  snapshot.clear();
  snapshot = take_snapshot(model);
}

void restore_snapshot(Model& model, const Snapshot& snapshot) {
  const NamedModelTensors all = model_tensors(model);
  for (std::size_t i = 0; i < snapshot.size(); ++i) copy_into(all.tensors[i], snapshot[i]);
}

Snapshot take_buffers(const Model& model) {
  const NoGrad no_grad;
  Snapshot buffers;
  for (const BufferPtr& buffer : model.buffers()) buffers.push_back(buffer->tensor.clone());
  return buffers;
}

void restore_buffers(Model& model, const Snapshot& buffers) {
  const std::vector<BufferPtr> all = model.buffers();
  for (std::size_t i = 0; i < all.size(); ++i) copy_into(all[i]->tensor, buffers[i]);
}

bool all_finite(const Model& model) {
  const NoGrad no_grad;
  Tensor count = zeros({}, {DType::i64});
  for (const Tensor& tensor : model_tensors(model).tensors)
    if (is_floating(tensor.dtype())) kernels::count_nonfinite(count, tensor);
  return count.item() == 0;
}

void check_finite(const Model& model, const std::string& source) {
  if (!all_finite(model))
    fail_input("the weights hold NaN or infinite values (", source,
               "); give the folder of a run that did not diverge");
}

}  // namespace thaw
