// The engine: what is recorded, saved and released, how the graph is walked, and which mistakes it refuses.
// Hooks, modes, checkpointing and the drawing of the graph are in unit_autograd_modes.cpp.
#include "core/autograd.h"

#include <gtest/gtest.h>

#include "core/ops.h"
#include "tests/support/compare.h"

namespace thaw::test {
namespace {

Tensor leaf(const std::vector<double>& numbers, const Shape& shape) {
  return from_vector(numbers, shape).set_requires_grad();
}

std::vector<double> gradient_of(const Tensor& t) { return t.grad().to_vector(); }

using Numbers = std::vector<double>;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// -- what backward gives

TEST(Backward, SumsOverPathsAndAccumulatesInLeaves) {
  const Tensor x = leaf({2, 3}, {2});
  sum(mul(x, x) + x).backward();
  EXPECT_EQ(gradient_of(x), (Numbers{5, 7}));
  sum(x * 10).backward();
  EXPECT_EQ(gradient_of(x), (Numbers{15, 17}));
  x.clear_grad();
  EXPECT_FALSE(x.grad().defined());
}

TEST(Backward, SumsBroadcastGradients) {
  const Tensor a = leaf({1, 2, 3, 4, 5, 6}, {2, 3});
  const Tensor row = leaf({10, 20, 30}, {3});
  const Tensor column = leaf({1, 2}, {2, 1});
  const Tensor scalar = leaf({5}, {});
  sum(mul(add(add(a, row), column), scalar)).backward();
  EXPECT_EQ(gradient_of(row), (Numbers{10, 10, 10}));
  EXPECT_EQ(gradient_of(column), (Numbers{15, 15}));
  EXPECT_EQ(column.grad().shape(), (Shape{2, 1}));
  EXPECT_EQ(gradient_of(scalar), (Numbers{21 + 120 + 9}));
  EXPECT_EQ(scalar.grad().shape(), Shape{});
}

TEST(Backward, OfALeafIsDyItself) {
  const Tensor x = leaf({1, 2}, {2});
  x.backward(from_vector({3, 4}, {2}));
  EXPECT_EQ(gradient_of(x), (Numbers{3, 4}));
}

TEST(Backward, LeavesThatShareDyGetGradientsOfTheirOwn) {
  for (const bool create_graph : {false, true}) {
    const Tensor a = leaf({1, 2}, {2});
    const Tensor b = leaf({3, 4}, {2});
    const Tensor dy = ones({2});
    add(a, b).backward(dy, false, create_graph);
    sum(a).backward();
    EXPECT_EQ(gradient_of(a), (Numbers{2, 2}));
    EXPECT_EQ(gradient_of(b), (Numbers{1, 1})) << "create_graph " << create_graph;
    EXPECT_EQ(dy.to_vector(), (Numbers{1, 1})) << "create_graph " << create_graph;
  }
}

TEST(Backward, AFrozenMiddleStillPassesGradientsBelow) {
  const Tensor x = from_vector({1, 2}, {1, 2});
  const Tensor below = leaf({1, 2, 3, 4}, {2, 2});
  const Tensor frozen = from_vector({1, 0, 1, 1}, {2, 2});
  const Tensor above = leaf({2, -1, 1, 3}, {2, 2});
  sum(linear(relu(linear(relu(linear(x, below)), frozen)), above)).backward();
  // d/d(second hidden) = [3, 2]; through the frozen weight [5, 2]; times x.
  EXPECT_EQ(gradient_of(below), (Numbers{5, 10, 2, 4}));
  EXPECT_EQ(gradient_of(above), (Numbers{5, 16, 5, 16}));
  EXPECT_FALSE(frozen.grad().defined());
}

TEST(Backward, AFrozenPrefixRecordsNothing) {
  const Tensor hidden = relu(linear(ones({4, 3}), ones({3, 3})));
  EXPECT_EQ(hidden.grad_fn(), nullptr);
  const Tensor head = leaf({1, 2, 3}, {1, 3});
  EXPECT_EQ(graph_stats(linear(hidden, head)).nodes, 1);
}

TEST(Grad, GivesGradientsOfNonLeavesAndTouchesNoLeaf) {
  const Tensor x = leaf({2, 3}, {2});
  const Tensor h = square(x);
  const Tensor unrelated = leaf({1}, {});
  const std::vector<Tensor> gradients = grad(sum(mul(h, h)), {h, x, unrelated});
  EXPECT_EQ(gradients[0].to_vector(), (Numbers{8, 18}));
  EXPECT_EQ(gradients[1].to_vector(), (Numbers{32, 108}));
  EXPECT_FALSE(gradients[2].defined());
  EXPECT_FALSE(x.grad().defined());
}

TEST(Grad, WithCreateGraphCanBeDifferentiatedAgain) {
  const Tensor x = leaf({2}, {});
  const Tensor y = mul(mul(x, x), x);
  const Tensor first = grad(y, {x}, {}, {.create_graph = true})[0];
  EXPECT_EQ(first.item(), 12);
  const Tensor second = grad(first, {x}, {}, {.create_graph = true})[0];
  EXPECT_EQ(second.item(), 12);
  EXPECT_EQ(grad(second, {x})[0].item(), 6);
}

TEST(Grad, UsesTheOutputAnOpSavedInSecondDerivatives) {
  const Tensor x = leaf({0.5}, {});
  const Tensor y = exp(x);
  const Tensor first = grad(y, {x}, {}, {.create_graph = true})[0];
  EXPECT_NEAR(grad(first, {x})[0].item(), y.item(), 1e-6);
}

// -- what is kept, and for how long

TEST(SavedTensors, AreCountedOnceAndGoWithTheGraph) {
  const std::int64_t before = memory::usage(kCpu).saved;
  const Tensor x = leaf(Numbers(10, 1.0), {10});
  {
    const Tensor h = exp(x);          // keeps its output, 40 bytes
    const Tensor y = sum(mul(h, h));  // keeps the same 40
    EXPECT_EQ(memory::usage(kCpu).saved - before, 40);
    EXPECT_EQ(graph_stats(y).saved_bytes, 40);
    EXPECT_EQ(y.grad_fn()->saved_bytes(), 0);
  }
  EXPECT_EQ(memory::usage(kCpu).saved, before);
}

TEST(SavedTensors, OfParametersAndInputsCostNothing) {
  const std::int64_t before = memory::usage(kCpu).saved;
  const Tensor w = leaf({1, 2, 3, 4}, {2, 2});
  const Tensor x = ones({1, 2});
  w.storage().set_category(memory::Category::parameter);
  const Tensor y = matmul(x, w);
  EXPECT_EQ(memory::usage(kCpu).saved - before, 8) << "x is an activation still";
  x.storage().set_category(memory::Category::input);
  EXPECT_EQ(memory::usage(kCpu).saved, before);
}

TEST(SavedTensors, OfAnOpWhoseOtherInputIsFrozenAreNotKept) {
  const std::int64_t before = memory::usage(kCpu).saved;
  const Tensor activation = exp(zeros({100}));
  const Tensor scale = ones({100}).set_requires_grad();
  const Tensor both = mul(activation, scale);
  EXPECT_EQ(memory::usage(kCpu).saved - before, 400) << "d scale needs the activation";
  const Tensor other = mul(exp(zeros({100})), ones({100}));
  EXPECT_EQ(memory::usage(kCpu).saved - before, 400);
}

TEST(SavedTensors, AreReleasedByBackward) {
  const std::int64_t before = memory::usage(kCpu).saved;
  const Tensor x = leaf({1, 2}, {2});
  const Tensor y = sum(exp(x));
  EXPECT_GT(memory::usage(kCpu).saved, before);
  y.backward();
  EXPECT_EQ(memory::usage(kCpu).saved, before);
}

TEST(SavedTensors, StayWithRetainGraph) {
  const Tensor x = leaf({1, 2}, {2});
  const Tensor y = sum(square(x));
  y.backward({}, true);
  y.backward();
  EXPECT_EQ(gradient_of(x), (Numbers{4, 8}));
}

TEST(SavedTensors, OnceReleasedMakeASecondBackwardAnError) {
  const Tensor x = leaf({1, 2}, {2});
  const Tensor y = sum(square(x));
  y.backward();
  const std::string message = error_of([&] { y.backward(); });
  EXPECT_TRUE(contains(message, "[sum]") && contains(message, "retain_graph")) << message;
}

TEST(SavedTensors, WrittenInPlaceMakeBackwardAnErrorThatNamesTheOp) {
  const Tensor x = leaf({1, 2}, {2});
  Tensor factor = ones({2});
  const Tensor y = sum(mul(x, factor));
  kernels::fill(factor, 3);
  const std::string message = error_of([&] { y.backward(); });
  EXPECT_TRUE(contains(message, "[mul]") && contains(message, "in place")) << message;
}

TEST(SavedTensors, AreWatchedThroughEveryViewOfTheirStorage) {
  const Tensor x = leaf({1, 2}, {2});
  const Tensor factors = ones({2, 2});
  const Tensor y = sum(mul(x, select(factors, 0, 0)));
  Tensor other_row = select(factors, 0, 1);
  kernels::fill(other_row, 3);
  EXPECT_TRUE(contains(error_of([&] { y.backward(); }), "[mul]"));
}

// -- refused

TEST(Refused, WritingInPlaceWhereAGradientIsRecorded) {
  Tensor x = leaf({1, 2}, {2}).set_name("weight");
  EXPECT_TRUE(contains(error_of([&] { kernels::fill(x, 0); }), "[write] a tensor [2] 'weight'"));
  Tensor y = x * 2;
  EXPECT_TRUE(contains(error_of([&] { kernels::fill(y, 0); }), "[write]"));
  const std::uint64_t version = x.version();
  const NoGrad no_grad;
  kernels::fill(x, 7);
  EXPECT_EQ(x.to_vector(), (Numbers{7, 7}));
  EXPECT_GT(x.version(), version);
}

TEST(Refused, BackwardOfANonScalarWithoutDy) {
  const Tensor x = leaf({1, 2}, {2});
  const std::string message = error_of([&] { (x * 2).backward(); });
  EXPECT_TRUE(contains(message, "[backward]") && contains(message, "[2]") && contains(message, "pass dy"));
}

TEST(Refused, DyOfAnotherShapeOrDtype) {
  const Tensor x = leaf({1, 2}, {2});
  EXPECT_TRUE(contains(error_of([&] { (x * 2).backward(ones({3})); }), "dy [3]"));
  EXPECT_TRUE(contains(error_of([&] { (x * 2).backward(ones({2}, {DType::f64})); }), "dtypes differ"));
}

TEST(Refused, BackwardWhereEverythingIsFrozen) {
  EXPECT_TRUE(contains(error_of([] { sum(ones({2})).backward(); }), "is everything frozen?"));
  EXPECT_TRUE(contains(error_of([] { grad(ones({}), {ones({})}); }), "[grad] nothing needs a gradient"));
}

TEST(Refused, AGradientOfTheWrongShapeOrDtype) {
  const Tensor x = leaf({1, 2}, {2});
  const auto op = [&](auto vjp) { return record("crooked", x.detach().clone(), wrt(x, {}, vjp)); };
  const Tensor longer = op([](const Tensor&, const Saved&) { return ones({3}); });
  EXPECT_EQ(error_of([&] { sum(longer).backward(); }),
            "[crooked] a gradient has shape [3] but its input [2]");
  const Tensor wider = op([](const Tensor&, const Saved&) { return ones({2}, {DType::f64}); });
  EXPECT_EQ(error_of([&] { sum(wider).backward(); }), "[crooked] a gradient has dtype f64 but its input f32");
}

TEST(Refused, RequiresGradOfIntegersAndOfComputedTensors) {
  EXPECT_TRUE(contains(error_of([] { arange(3).set_requires_grad(); }), "only floating"));
  Tensor y = leaf({1}, {}) * 2;
  EXPECT_TRUE(contains(error_of([&] { y.set_requires_grad(); }), "computed by"));
}

TEST(Refused, MixedDtypes) {
  EXPECT_TRUE(contains(error_of([] { add(ones({2}), ones({2}, {DType::f64})); }), "[add] dtypes differ"));
  EXPECT_TRUE(contains(error_of([] {
                         matmul(ones({2, 2}), ones({2, 2}, {DType::i64}));
                       }),
                       "[matmul] dtypes differ"));
}

TEST(Refused, MixedDevices) {
  EXPECT_TRUE(contains(error_of([] {
                         add(ones({2}), ones({2}, {DType::f32, kMeta}));
                       }),
                       "different devices"));
}

// -- long graphs

constexpr int kLongChain = 200'000;

Tensor long_chain(const Tensor& x) {
  Tensor y = x;
  for (int i = 0; i < kLongChain; ++i) y = neg(y);
  return y;
}

TEST(LongChain, IsWalkedWithoutRecursion) {
  const Tensor x = leaf({1}, {});
  long_chain(x).backward();
  EXPECT_EQ(gradient_of(x), Numbers{1});
}

TEST(LongChain, IsDestroyedWithoutRecursion) {
  const std::int64_t before = memory::usage(kCpu).total;
  const Tensor x = leaf({1}, {});
  { const Tensor y = long_chain(x); }
  EXPECT_EQ(memory::usage(kCpu).total - before, 4);
}

TEST(LongChain, OfDiamondsIsWalkedOncePerNode) {
  const Tensor x = leaf({1}, {});
  Tensor y = x;
  for (int i = 0; i < 60; ++i) y = add(y, y) * 0.5;  // 2^60 paths
  y.backward();
  EXPECT_EQ(gradient_of(x), Numbers{1});
}

}  // namespace
}  // namespace thaw::test
