// Gradients that come together: what is summed must be nobody else's, and under create_graph stays in the
// graph.
#include <gtest/gtest.h>

#include "core/autograd.h"
#include "core/ops.h"

namespace thaw::test {
namespace {

Tensor leaf(const std::vector<double>& values) {
  Tensor x = from_vector(values, {static_cast<std::int64_t>(values.size())});
  x.set_requires_grad();
  return x;
}

std::vector<double> grad_of(const Tensor& x) { return x.grad().to_vector(); }

// add() hands one and the same gradient to both of its operands. `a` is used once more, by what was computed
// before the sum: its second gradient comes when `b` still waits with the first.
TEST(SharedGradients, ASumIntoOneOperandLeavesTheOtherAlone) {
  const Tensor x = leaf({1, 2});
  const Tensor dy = from_vector({1, 10}, {2});
  const Tensor a = x * 2.0, b = x * 3.0;
  const Tensor c = a * 5.0;
  const Tensor y = (a + b) + c;
  y.backward(dy);
  EXPECT_EQ(grad_of(x), (std::vector<double>{15, 150}));
  EXPECT_EQ(dy.to_vector(), (std::vector<double>{1, 10})) << "what was passed in is the caller's";
}

// Here both gradients of `a` are the one that `b` and `c` wait with.
TEST(SharedGradients, NeitherOfTwoThatOthersHoldIsWritten) {
  const Tensor x = leaf({1, 2});
  const Tensor dy = from_vector({1, 10}, {2});
  const Tensor a = x * 2.0, b = x * 3.0, c = x * 7.0;
  const Tensor y = (a + b) + (a + c);
  y.backward(dy);
  EXPECT_EQ(grad_of(x), (std::vector<double>{14, 140}));
  EXPECT_EQ(dy.to_vector(), (std::vector<double>{1, 10}));
}

TEST(SharedGradients, AreNotWrittenWhereTheyAreCaptured) {
  const Tensor x = leaf({1, 2});
  const Tensor a = x * 2.0, b = x * 3.0;
  const Tensor c = a * 5.0;
  const std::vector<Tensor> found = grad((a + b) + c, {a, b}, from_vector({1, 10}, {2}));
  EXPECT_EQ(found[0].to_vector(), (std::vector<double>{6, 60}));
  EXPECT_EQ(found[1].to_vector(), (std::vector<double>{1, 10}));
}

// y = x^3 + x^2 reaches the leaf by several edges, which sum within one pass.
TEST(CreateGraph, TheSumInALeafCanBeDifferentiated) {
  const Tensor x = leaf({2, -1});
  const Tensor y = x * x * x + x * x;
  backward(y, ones({2}), {.create_graph = true});
  EXPECT_EQ(grad_of(x), (std::vector<double>{16, 1}));  // 3 x^2 + 2 x
  ASSERT_TRUE(needs_grad(x.grad()));
  const Tensor second = grad(x.grad(), {x}, ones({2}))[0];
  EXPECT_EQ(second.to_vector(), (std::vector<double>{14, -4}));  // 6 x + 2
  x.clear_grad();
}

// A second pass adds to what the first one left, with the history of both.
TEST(CreateGraph, TheSumOfTwoPassesCanBeDifferentiated) {
  const Tensor x = leaf({2, -1});
  backward(square(x), ones({2}), {.create_graph = true});
  backward(square(square(x)), ones({2}), {.create_graph = true});
  EXPECT_EQ(grad_of(x), (std::vector<double>{36, -6}));  // 2 x + 4 x^3
  const Tensor second = grad(x.grad(), {x}, ones({2}))[0];
  EXPECT_EQ(second.to_vector(), (std::vector<double>{50, 14}));  // 2 + 12 x^2
  x.clear_grad();
}

}  // namespace
}  // namespace thaw::test
