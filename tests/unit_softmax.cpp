// Softmax and cross-entropy on what a naive formula gets wrong: large, infinite and NaN logits.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/autograd.h"
#include "core/ops.h"

namespace thaw::test {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::vector<double> softmax_of(const std::vector<double>& logits, DType dtype) {
  return softmax(from_vector(logits, {static_cast<std::int64_t>(logits.size())}, {dtype})).to_vector();
}

TEST(Softmax, LargeLogitsDoNotOverflow) {
  for (const DType dtype : {DType::f32, DType::f64}) {
    EXPECT_EQ(softmax_of({1e30, 0, 1e30, -1e30}, dtype), (std::vector<double>{0.5, 0, 0.5, 0}));
    EXPECT_EQ(softmax_of({-1e30, -1e30}, dtype), (std::vector<double>{0.5, 0.5}));
  }
}

TEST(Softmax, MinusInfinityMasksAnElement) {
  for (const DType dtype : {DType::f32, DType::f64})
    EXPECT_EQ(softmax_of({1, -kInf, 1}, dtype), (std::vector<double>{0.5, 0, 0.5}));
}

TEST(Softmax, NanAndFullyMaskedRowsAreNan) {
  for (const DType dtype : {DType::f32, DType::f64})
    for (const std::vector<double>& logits :
         {std::vector<double>{1, kNan, 2, 3, 4, 5, 6, 7, 8}, {-kInf, -kInf}, {kInf, 0}})
      EXPECT_TRUE(std::isnan(softmax_of(logits, dtype)[0]));
}

TEST(CrossEntropy, FarLogitsGiveTheirDistance) {
  const Tensor target = from_vector({1}, {1}, {DType::i64});
  EXPECT_EQ(cross_entropy(from_vector({1000, 0}, {1, 2}), target).item(), 1000);
  EXPECT_EQ(cross_entropy(from_vector({-1000, 1000}, {1, 2}), target).item(), 0);
  EXPECT_EQ(cross_entropy(from_vector({0, -kInf}, {1, 2}), target).item(), kInf);
}

// As in PyTorch: the mean over no rows is 0 / 0, the sum is 0, and the gradient of the sum is 0.
TEST(CrossEntropy, AllRowsIgnored) {
  Tensor logits = from_vector({1, 2, 3, 4}, {2, 2});
  logits.set_requires_grad();
  const Tensor target = from_vector({-100, -100}, {2}, {DType::i64});
  EXPECT_TRUE(std::isnan(cross_entropy(logits, target).item()));
  const Tensor total = cross_entropy(logits, target, {.reduction = Reduction::sum});
  EXPECT_EQ(total.item(), 0);
  total.backward();
  EXPECT_EQ(logits.grad().to_vector(), std::vector<double>(4, 0.0));
}

}  // namespace
}  // namespace thaw::test
