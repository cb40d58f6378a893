// Normalisation layers. BatchNorm has three independent switches, none of which train() changes: whether its
// affine parameters train (their requires_grad), whether its running statistics are updated, and which
// statistics normalise.
#pragma once

#include "nn/init.h"
#include "nn/module.h"

namespace thaw {

// Batch normalisation over [N, C, ..] (Ioffe & Szegedy 2015), with PyTorch's names and momentum rule, where
// the batch's variance is the unbiased one:
//   running = (1 - momentum) * running + momentum * batch
class BatchNorm : public Module {
 public:
  BatchNorm(std::int64_t channels, const Init& init, double eps = 1e-5, double momentum = 0.1);
  Tensor forward(const Tensor& x);

  // Persistent. In evaluation the running statistics always normalise, and nothing is updated.
  void set_update_statistics(bool on) { update_statistics_ = on; }
  void set_batch_statistics(bool on) { batch_statistics_ = on; }
  // The weight of a new batch in the running statistics; 1 / n for the nth batch gives the mean of all
  // batches.
  void set_momentum(double momentum) { momentum_ = momentum; }
  bool updates_statistics() const { return update_statistics_; }
  bool uses_batch_statistics() const { return batch_statistics_; }
  TrainingEffects training_effects() const override {
    return {.mixes = batch_statistics_, .updates = update_statistics_};
  }

  const ParameterPtr& weight() const { return weight_; }
  const BufferPtr& running_mean() const { return running_mean_; }
  const BufferPtr& running_var() const { return running_var_; }

 private:
  void update_running(const Tensor& mean, const Tensor& var, std::int64_t count);

  double eps_, momentum_;
  bool update_statistics_ = true;
  bool batch_statistics_ = true;
  ParameterPtr weight_, bias_;
  BufferPtr running_mean_, running_var_, batches_;
};

class LayerNorm : public Module {  // over the last dimension
 public:
  LayerNorm(std::int64_t size, const Init& init, double eps = 1e-5);
  Tensor forward(const Tensor& x);

 private:
  double eps_;
  ParameterPtr weight_, bias_;
};

class RmsNorm : public Module {  // over the last dimension
 public:
  RmsNorm(std::int64_t size, const Init& init, double eps = 1e-6);
  Tensor forward(const Tensor& x);

 private:
  double eps_;
  ParameterPtr weight_;
};

class GroupNorm : public Module {  // over [N, C, ..]
 public:
  GroupNorm(std::int64_t groups, std::int64_t channels, const Init& init, double eps = 1e-5);
  Tensor forward(const Tensor& x);

 private:
  std::int64_t groups_;
  double eps_;
  ParameterPtr weight_, bias_;
};

}  // namespace thaw
