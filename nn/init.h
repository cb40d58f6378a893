// PyTorch's default initialisations. Every draw is keyed by the seed and the parameter's path.
#pragma once

#include <cmath>
#include <string>

#include "core/random.h"
#include "core/tensor.h"

namespace thaw {

// The seed of the weights that are made while it lives, on this thread.
class InitSeed {
 public:
  explicit InitSeed(std::uint64_t seed, Device device = kCpu);
  ~InitSeed();
  InitSeed(const InitSeed&) = delete;
  InitSeed& operator=(const InitSeed&) = delete;
  static std::uint64_t seed();
  static Device device();

 private:
  std::uint64_t previous_seed_;
  Device previous_device_;
};

namespace init {

// The uniform distribution of nn.Linear and nn.Conv, for weights and biases alike:
//   U(-bound, bound)
//   bound = 1 / sqrt(fan_in)
// It is kaiming_uniform with a = sqrt(5) (He et al. 2015). `path` names the parameter for the random key.
Tensor uniform_fan_in(const Shape& shape, std::int64_t fan_in, const std::string& path);
// Normal with mean 0; `deviation` is the standard deviation, 1 for nn.Embedding.
Tensor normal(const Shape& shape, double deviation, const std::string& path);
Tensor constant(const Shape& shape, double value);

}  // namespace init
}  // namespace thaw
