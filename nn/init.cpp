#include "nn/init.h"

#include "core/ops.h"

namespace thaw {
namespace {
thread_local std::uint64_t init_seed = 0;
thread_local Device init_device = kCpu;
}  // namespace

InitSeed::InitSeed(std::uint64_t seed, Device device)
    : previous_seed_(init_seed), previous_device_(init_device) {
  init_seed = seed;
  init_device = device;
}
InitSeed::~InitSeed() {
  init_seed = previous_seed_;
  init_device = previous_device_;
}
std::uint64_t InitSeed::seed() { return init_seed; }
Device InitSeed::device() { return init_device; }

namespace init {
namespace {
RandomKey key_for(const std::string& path) { return random_key(init_seed, "init." + path); }
Options options() { return {DType::f32, init_device}; }
}  // namespace

Tensor uniform_fan_in(const Shape& shape, std::int64_t fan_in, const std::string& path) {
  const double bound = fan_in > 0 ? 1.0 / std::sqrt(static_cast<double>(fan_in)) : 0.0;
  return rand(shape, key_for(path), -bound, bound, options());
}

Tensor normal(const Shape& shape, double deviation, const std::string& path) {
  return randn(shape, key_for(path), 0.0, deviation, options());
}

Tensor constant(const Shape& shape, double value) { return full(shape, value, options()); }

}  // namespace init
}  // namespace thaw
