#include "nn/layers/token_rows.h"

#include <utility>

#include "core/ops.h"

namespace thaw {

Tensor ids_of_places(const Tensor& ids, std::int64_t n) {
  constexpr double kMostPlaces = 1 << 20;
  const Options indices{DType::i64, ids.device()};
  return unsqueeze(ids, -1) * full({}, kMostPlaces, indices) + arange(n, indices);
}

TokenRows::TokenRows(std::int64_t texts, std::int64_t length, Padding padding, Device device)
    : length_(length), padding_(std::move(padding)), text_ids_(random_context().row_ids) {
  if (!text_ids_.defined()) text_ids_ = arange(texts, {DType::i64, device});
  token_ids_ = ids_of_places(text_ids_, length).reshape({-1});
  if (padding_.mask.defined()) token_ids_ = index_select(token_ids_, 0, padding_.tokens);
}

Tensor TokenRows::pack(const Tensor& texts) const {
  const Tensor places = texts.reshape({-1, texts.size(2)});
  return padding_.mask.defined() ? embedding(places, padding_.tokens) : places;
}

// No gradient comes back from padding: attention gives its keys no weight, and the output of its queries is
// dropped.
Tensor TokenRows::unpack(const Tensor& rows) const {
  return padding_.mask.defined() ? embedding(rows, padding_.rows) : rows.reshape({-1, length_, rows.size(1)});
}

Tensor TokenRows::key_mask() const {
  const Tensor& mask = padding_.mask;
  return mask.defined() ? mask.reshape({mask.size(0), 1, 1, mask.size(1)}) : mask;
}

Tensor TokenRows::causal_mask() const {
  const Options indices{DType::i64, text_ids_.device()};
  const Tensor place = arange(length_, indices);
  Tensor seen = place.reshape({1, 1, 1, length_});
  // Padding stands behind the last place.
  if (mask().defined()) seen = where(key_mask(), seen, full({}, static_cast<double>(length_), indices));
  return ge(place.reshape({1, 1, length_, 1}), seen);
}

RandomContext TokenRows::random() const {
  RandomContext context = random_context();
  context.row_ids = token_ids_;
  return context;
}

}  // namespace thaw
