// Running a row of the op table with chosen inputs trainable.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>

#include "tests/op_table.h"

namespace thaw::test {

// A test's name says its row.
inline std::string row_id(const ::testing::TestParamInfo<OpRow>& test) { return test.param.id(); }

// The rows of the table for which the predicate holds.
std::vector<OpRow> rows_where(const std::function<bool(const OpRow&)>& predicate);

// Bit i: input i is trainable.
using InputMask = std::uint32_t;

InputMask differentiable_inputs(const OpSample& sample);

struct OpRun {
  Tensor y;
  std::vector<Tensor> gradients;  // by input; undefined where none came
};

// Makes leaves of the tensors, trainable by the mask, calls the op and, when y was recorded, walks back from
// dy.
OpRun run_op(const OpRow& row, const std::vector<Tensor>& tensors, InputMask trainable, const Tensor& dy);

// The same without the walk.
Tensor call_op(const OpRow& row, const std::vector<Tensor>& tensors, InputMask trainable);

// Values for dy of y's shape, dtype and device; the same for the same shape.
Tensor make_dy(const Tensor& y);

}  // namespace thaw::test
