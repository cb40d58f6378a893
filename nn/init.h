// PyTorch's default initialisations. Every draw is keyed by the seed and the parameter's own path.
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

// U(-1/sqrt(fan_in), 1/sqrt(fan_in)): kaiming_uniform with a = sqrt(5) (He et al. 2015), what nn.Linear and
// nn.Conv use for weights and biases alike. `path` names the parameter for the random key.
Tensor uniform_fan_in(const Shape& shape, std::int64_t fan_in, const std::string& path);
Tensor normal(const Shape& shape, double deviation, const std::string& path);  // nn.Embedding: deviation 1
Tensor constant(const Shape& shape, double value);

}  // namespace init
}  // namespace thaw
