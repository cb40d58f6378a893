// The same values laid out otherwise in memory. What surrounds them is poison: NaN, or an index out of range.
#pragma once

#include "tests/op_table.h"

namespace thaw::test {

enum class Arrangement { transposed, sliced, offset, broadcast };
inline constexpr Arrangement kArrangements[] = {Arrangement::transposed, Arrangement::sliced,
                                                Arrangement::offset, Arrangement::broadcast};
const char* arrangement_name(Arrangement arrangement);

// A view with x's values; `broadcast` repeats x's first entry along its first dimension longer than 1 (stride
// 0).
Tensor arrange(const Tensor& x, Arrangement arrangement);

// Everything in x's storage, poison included.
std::vector<double> storage_values(const Tensor& x);

}  // namespace thaw::test
