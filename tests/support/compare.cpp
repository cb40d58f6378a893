#include "tests/support/compare.h"

#include <cmath>

#include "core/autograd.h"

namespace thaw::test {
namespace {

bool near(double got, double expected, Tolerance tolerance) {
  if (std::isnan(got) || std::isnan(expected)) return std::isnan(got) && std::isnan(expected);
  if (std::isinf(expected)) return got == expected;
  return std::fabs(got - expected) <= tolerance.atol + tolerance.rtol * std::fabs(expected);
}

std::string bytes_of(const Tensor& tensor) {
  const NoGrad no_grad;
  const Tensor in_order = tensor.contiguous();
  const ConstView view = in_order;
  if (in_order.numel() == 0) return {};
  return {static_cast<const char*>(view.data), static_cast<std::size_t>(in_order.bytes())};
}

::testing::AssertionResult wrong_shape(const Tensor& got, const Shape& expected) {
  return ::testing::AssertionFailure() << "the shape is " << got.shape() << ", expected " << expected;
}

}  // namespace

::testing::AssertionResult is_close(const Tensor& got, const Array& expected, Tolerance tolerance) {
  if (!got.defined()) return ::testing::AssertionFailure() << "the tensor is undefined";
  if (!(got.shape() == expected.shape)) return wrong_shape(got, expected.shape);
  const std::vector<double> values = got.to_vector();
  std::size_t different = 0, worst = 0;
  double worst_excess = -1;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (near(values[i], expected.values[i], tolerance)) continue;
    const double excess = std::fabs(values[i] - expected.values[i]);
    if (++different == 1 || excess > worst_excess) {
      worst = i;
      worst_excess = excess;
    }
  }
  if (different == 0) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << different << " of " << values.size() << " elements of " << got.shape() << " differ; number "
         << worst << " is " << values[worst] << ", expected " << expected.values[worst] << " (rtol "
         << tolerance.rtol << ", atol " << tolerance.atol << ')';
}

::testing::AssertionResult is_close(const Tensor& got, const Tensor& expected, Tolerance tolerance) {
  return is_close(got, Array{expected.shape(), expected.to_vector()}, tolerance);
}

::testing::AssertionResult same_bits(const Tensor& got, const Tensor& expected) {
  if (!got.defined() && !expected.defined()) return ::testing::AssertionSuccess();
  if (got.defined() != expected.defined())
    return ::testing::AssertionFailure()
           << (got.defined() ? "unexpectedly defined" : "unexpectedly undefined");
  if (!(got.shape() == expected.shape())) return wrong_shape(got, expected.shape());
  if (got.dtype() != expected.dtype())
    return ::testing::AssertionFailure()
           << dtype_name(got.dtype()) << ", expected " << dtype_name(expected.dtype());
  if (bytes_of(got) == bytes_of(expected)) return ::testing::AssertionSuccess();
  const std::vector<double> a = got.to_vector();
  const std::vector<double> b = expected.to_vector();
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!(std::isnan(a[i]) && std::isnan(b[i])) && (a[i] != b[i] || std::signbit(a[i]) != std::signbit(b[i])))
      return ::testing::AssertionFailure()
             << "element " << i << " of " << got.shape() << " is " << a[i] << ", expected exactly " << b[i]
             << " (difference " << a[i] - b[i] << ')';
  return ::testing::AssertionFailure() << "a NaN of other bits";
}

std::string describe(const OpSample& sample) {
  std::string text = "sample";
  for (const Input& input : sample) text += concat(' ', dtype_name(input.dtype), input.value.shape);
  return text;
}

std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

}  // namespace thaw::test
