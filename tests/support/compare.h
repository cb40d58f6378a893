// Comparisons that say where and by how much two results differ.
#pragma once

#include <gtest/gtest.h>

#include "tests/op_table.h"

namespace thaw::test {

// Shape, and every element within the tolerance.
::testing::AssertionResult is_close(const Tensor& got, const Array& expected, Tolerance tolerance);
::testing::AssertionResult is_close(const Tensor& got, const Tensor& expected, Tolerance tolerance);

// Shape, dtype and every bit of every element; both undefined is equal too.
::testing::AssertionResult same_bits(const Tensor& got, const Tensor& expected);

// The shapes and dtypes of a sample, for SCOPED_TRACE.
std::string describe(const OpSample& sample);

// The message of the thaw::Error that the call throws; empty, with a test failure, when it throws none.
std::string error_of(const std::function<void()>& call);

}  // namespace thaw::test
