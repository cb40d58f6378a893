// The derivatives of every row of the op table: f64 against central differences, f32 against f64.
#include <gtest/gtest.h>

#include "core/autograd.h"
#include "tests/support/compare.h"
#include "tests/support/gradcheck.h"
#include "tests/support/op_runs.h"

namespace thaw::test {
namespace {

class OpGradientTest : public ::testing::TestWithParam<OpRow> {};
class LargeOpGradientTest : public ::testing::TestWithParam<OpRow> {};

TEST_P(OpGradientTest, EqualsCentralDifferences) {
  const OpRow& row = GetParam();
  for (const OpSample& sample : row.samples) {
    SCOPED_TRACE(describe(sample));
    EXPECT_TRUE(
        gradcheck([&](const std::vector<Tensor>& in) { return std::vector<Tensor>{row.fn(in)}; }, sample));
  }
}

// The sample with values for dy at its end.
OpSample with_dy(const OpRow& row, OpSample sample) {
  const Tensor dy = make_dy(row.fn(make_tensors(sample, DType::f64)));
  sample.push_back({{dy.shape(), dy.to_vector()}});
  return sample;
}

TEST_P(OpGradientTest, SecondDerivativeEqualsCentralDifferencesOrThrows) {
  const OpRow& row = GetParam();
  for (const OpSample& plain : row.samples) {
    SCOPED_TRACE(describe(plain));
    const OpSample sample = with_dy(row, plain);
    const Function gradients = gradient_function(row.fn, sample);
    if (!row.fused) {
      EXPECT_TRUE(gradcheck(gradients, sample));
      continue;
    }
    std::vector<Tensor> leaves = make_tensors(sample, DType::f64);
    for (std::size_t i = 0; i < sample.size(); ++i)
      if (sample[i].differentiable) leaves[i].set_requires_grad();
    const std::string message = error_of([&] { gradients(leaves); });
    const std::string node = row.recorded_as.empty() ? row.name : row.recorded_as;
    EXPECT_EQ(message.rfind("[" + node + "] has no second derivative", 0), 0U) << message;
  }
}

void compare_f32_with_f64(const OpRow& row, const OpSample& sample) {
  const InputMask all = differentiable_inputs(sample);
  OpSample rounded = sample;  // so that both dtypes see the same numbers
  const std::vector<Array> arrays = make_arrays(sample, DType::f32);
  for (std::size_t i = 0; i < sample.size(); ++i) rounded[i].value = arrays[i];
  const std::vector<Tensor> wide = make_tensors(rounded, DType::f64);
  const std::vector<Tensor> narrow = make_tensors(rounded, DType::f32);
  const OpRun expected = run_op(row, wide, all, make_dy(row.fn(wide)));
  const OpRun got = run_op(row, narrow, all, make_dy(row.fn(narrow)));
  for (std::size_t i = 0; i < sample.size(); ++i) {
    if (!sample[i].differentiable || !expected.gradients[i].defined()) continue;
    EXPECT_TRUE(is_close(got.gradients[i], expected.gradients[i], row.f32_gradient))
        << "gradient of input " << i;
  }
}

TEST_P(OpGradientTest, InF32EqualsF64) {
  const OpRow& row = GetParam();
  for (const OpSample& sample : row.samples) {
    SCOPED_TRACE(describe(sample));
    compare_f32_with_f64(row, sample);
  }
}

TEST_P(LargeOpGradientTest, InF32EqualsF64) { compare_f32_with_f64(GetParam(), GetParam().large()); }

bool is_differentiable(const OpRow& row) { return row.differentiable; }
bool is_differentiable_and_large(const OpRow& row) { return row.differentiable && row.large; }

INSTANTIATE_TEST_SUITE_P(Op, OpGradientTest, ::testing::ValuesIn(rows_where(is_differentiable)), row_id);
INSTANTIATE_TEST_SUITE_P(Op, LargeOpGradientTest,
                         ::testing::ValuesIn(rows_where(is_differentiable_and_large)), row_id);

}  // namespace
}  // namespace thaw::test
