#include "nn/init.h"

#include <cmath>

#include "core/ops.h"
#include "core/random.h"

namespace thaw {
namespace {

std::string joined(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "." + name;
}

RandomKey key_for(const Init& init, const std::string& name) {
  return random_key(init.seed, "init." + joined(init.path, name));
}

}  // namespace

Init Init::in(const std::string& name) const { return {seed, device, joined(path, name)}; }

Tensor Init::uniform_fan_in(const Shape& shape, std::int64_t fan_in, const std::string& name) const {
  const double bound = fan_in > 0 ? 1.0 / std::sqrt(static_cast<double>(fan_in)) : 0.0;
  return rand(shape, key_for(*this, name), -bound, bound, {DType::f32, device});
}

Tensor Init::normal(const Shape& shape, double deviation, const std::string& name) const {
  return randn(shape, key_for(*this, name), 0.0, deviation, {DType::f32, device});
}

Tensor Init::constant(const Shape& shape, double value) const {
  return full(shape, value, {DType::f32, device});
}

}  // namespace thaw
