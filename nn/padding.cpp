#include "nn/padding.h"

#include <algorithm>
#include <vector>

#include "core/error.h"

namespace thaw {
namespace {

Tensor indices(const std::vector<std::int64_t>& values, const Shape& shape) {
  Tensor tensor = empty(shape, {DType::i64});
  std::copy(values.begin(), values.end(), tensor.data<std::int64_t>());
  return tensor;
}

}  // namespace

Padding padding_of(const Tensor& mask) {
  if (mask.dtype() != DType::boolean || mask.rank() != 2)
    fail("[padding] the mask is bool [texts, places], not ", dtype_name(mask.dtype()), ' ', mask.shape());
  const std::int64_t length = mask.size(1);
  const Tensor stored = mask.contiguous();
  const bool* stands = stored.data<bool>();
  std::vector<std::int64_t> tokens, rows;
  for (std::int64_t text = 0; text < mask.size(0); ++text) {
    const auto first = static_cast<std::int64_t>(tokens.size());
    for (std::int64_t at = text * length; at < (text + 1) * length; ++at) {
      rows.push_back(stands[at] ? static_cast<std::int64_t>(tokens.size()) : first);
      if (stands[at]) tokens.push_back(at);
    }
    if (first == static_cast<std::int64_t>(tokens.size())) fail("[padding] text ", text, " has no token");
  }
  return {mask, indices(tokens, {static_cast<std::int64_t>(tokens.size())}), indices(rows, mask.shape())};
}

}  // namespace thaw
