#include "tests/support/arrangements.h"

#include <algorithm>
#include <limits>

namespace thaw::test {
namespace {

double poison(DType dtype) { return is_floating(dtype) ? std::numeric_limits<double>::quiet_NaN() : -1; }

// Where an arrangement keeps x's elements.
struct Place {
  std::int64_t room;  // elements in the storage
  std::int64_t offset;
  Strides strides;
};

Place place_transposed(const Shape& shape) {
  Place place{shape.numel(), 0, shape};
  std::int64_t step = 1;
  for (int d = 0; d < shape.rank(); ++d) {
    place.strides[d] = step;
    step *= shape[d];
  }
  return place;
}

// Every other element of an array twice as long, and one more, in each dimension.
Place place_sliced(const Shape& shape) {
  Shape wide = shape;
  for (int d = 0; d < shape.rank(); ++d) wide[d] = 2 * shape[d] + 1;
  Place place{wide.numel(), 0, contiguous_strides(wide)};
  for (int d = 0; d < shape.rank(); ++d) {
    place.offset += place.strides[d];
    place.strides[d] *= 2;
  }
  return place;
}

Place place_offset(const Shape& shape) { return {shape.numel() + 16, 7, contiguous_strides(shape)}; }

Place place_broadcast(const Shape& shape) {
  Place place{shape.numel(), 0, contiguous_strides(shape)};
  const auto* longer = std::find_if(shape.begin(), shape.end(), [](std::int64_t size) { return size > 1; });
  if (longer != shape.end()) place.strides[static_cast<int>(longer - shape.begin())] = 0;
  return place;
}

Place place_of(const Shape& shape, Arrangement arrangement) {
  switch (arrangement) {
    case Arrangement::transposed:
      return place_transposed(shape);
    case Arrangement::sliced:
      return place_sliced(shape);
    case Arrangement::offset:
      return place_offset(shape);
    case Arrangement::broadcast:
      return place_broadcast(shape);
  }
  return {};
}

}  // namespace

const char* arrangement_name(Arrangement arrangement) {
  constexpr const char* kNames[] = {"transposed", "sliced", "offset", "broadcast"};
  return kNames[static_cast<int>(arrangement)];
}

Tensor arrange(const Tensor& x, Arrangement arrangement) {
  const Place place = place_of(x.shape(), arrangement);
  std::vector<double> storage(static_cast<std::size_t>(place.room), poison(x.dtype()));
  const Array source{x.shape(), x.to_vector()};
  for_each_index(x.shape(), [&](const Index& index) {
    std::int64_t position = place.offset;
    bool first = true;  // of those that share a place
    for (std::size_t d = 0; d < index.size(); ++d) {
      const std::int64_t stride = place.strides[static_cast<int>(d)];
      position += index[d] * stride;
      first = first && (stride != 0 || index[d] == 0);
    }
    if (first) storage[static_cast<std::size_t>(position)] = source.at(index);
  });
  const Tensor base = from_vector(storage, {place.room}, like(x));
  return make_view(base, x.shape(), place.strides, place.offset);
}

std::vector<double> storage_values(const Tensor& x) {
  const std::int64_t n = x.storage().bytes() / dtype_bytes(x.dtype());
  return make_view(x, {n}, {1}, 0).to_vector();
}

}  // namespace thaw::test
