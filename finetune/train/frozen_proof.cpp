#include "finetune/train/frozen_proof.h"

#include "core/error.h"
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

void FrozenProofs::phase_begins(const Moment& now) {
  FrozenProof proof;
  proof.phase = now.phase;
  proof.begin = now.completed;
  proof.sha256_start =
      frozen_hash(now.model, now.plan.phases()[static_cast<std::size_t>(now.phase)].frozen_norm,
                  proof.tensors, proof.bytes);
  proofs_.push_back(proof);
}

void FrozenProofs::phase_ends(const Moment& now) {
  FrozenProof& proof = proofs_.back();
  proof.end = now.completed;
  proof.sha256_end =
      frozen_hash(now.model, now.plan.phases()[static_cast<std::size_t>(now.phase)].frozen_norm,
                  proof.tensors, proof.bytes);
  if (!proof.equal())
    fail("frozen weights changed in phase ", proof.phase + 1, " (updates ", proof.begin + 1, " to ",
         proof.end, "): this is a mistake in thaw; please report it with the config");
}

}  // namespace thaw
