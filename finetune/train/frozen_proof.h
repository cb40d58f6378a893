// Frozen means frozen: the bytes of what a phase freezes, hashed when it begins and when it ends.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "finetune/plan/plan.h"
#include "finetune/train/listener.h"
#include "nn/module.h"

namespace thaw {

// The frozen part of a model over one segment of the plan: hashed when it begins and when it ends.
struct FrozenProof {
  int phase = 0;
  std::int64_t begin = 0, end = 0;  // updates begin + 1 ... end
  std::int64_t tensors = 0, bytes = 0;
  std::string sha256_start, sha256_end;
  bool equal() const { return sha256_start == sha256_end; }
};

// SHA-256 over names and bytes of the parameters that are frozen now and, unless the plan lets them move
// (FrozenNorm::batch), of the buffers of groups with nothing trainable. Counts both.
std::string frozen_hash(const Model& model, FrozenNorm frozen_norm, std::int64_t& tensors,
                        std::int64_t& bytes);

// Hashes around each segment of the plan. Error where what was frozen has changed.
class FrozenProofs : public TrainListener {
 public:
  explicit FrozenProofs(std::vector<FrozenProof>& proofs) : proofs_(proofs) {}
  void phase_begins(const Moment& now) override;
  void phase_ends(const Moment& now) override;

 private:
  std::vector<FrozenProof>& proofs_;
};

}  // namespace thaw
