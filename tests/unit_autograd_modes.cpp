// Around the engine: no_grad, hooks, anomaly mode, checkpointing and the drawing of the graph.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/autograd.h"
#include "core/ops.h"
#include "core/random.h"
#include "core/trace.h"
#include "tests/support/compare.h"

namespace thaw::test {
namespace {

using Numbers = std::vector<double>;

Tensor leaf(const Numbers& numbers, const Shape& shape) {
  return from_vector(numbers, shape).set_requires_grad();
}

Numbers gradient_of(const Tensor& t) { return t.grad().to_vector(); }

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// -- no_grad

TEST(NoGradMode, RecordsNothingAndEndsWithItsScope) {
  const Tensor x = leaf({1, 2}, {2});
  {
    const NoGrad no_grad;
    EXPECT_FALSE(grad_enabled());
    EXPECT_FALSE(needs_grad(x));
    EXPECT_EQ((x * 2).grad_fn(), nullptr);
    {
      const GradMode again(true);
      EXPECT_NE((x * 2).grad_fn(), nullptr);
    }
    EXPECT_FALSE(grad_enabled());
  }
  EXPECT_NE((x * 2).grad_fn(), nullptr);
}

TEST(NoGradMode, DetachCutsTheGraph) {
  const Tensor x = leaf({3}, {});
  mul(x, x.detach()).backward();
  EXPECT_EQ(gradient_of(x), Numbers{3});
}

// -- hooks

TEST(Hooks, OfALeafSeeItsCompleteGradient) {
  const Tensor x = leaf({1, 2}, {2});
  std::vector<Numbers> seen;
  x.register_hook([&](const Tensor& g) {
    seen.push_back(g.to_vector());
    return Tensor();
  });
  sum(x + x * 2).backward();
  EXPECT_EQ(seen, (std::vector<Numbers>{{3, 3}}));
  EXPECT_EQ(gradient_of(x), (Numbers{3, 3}));
}

TEST(Hooks, MayReplaceTheGradient) {
  const Tensor x = leaf({1, 2}, {2});
  const Tensor h = x * 2;
  h.register_hook([](const Tensor& g) { return g * 10; });
  x.register_hook([](const Tensor& g) { return g + 1; });
  sum(h).backward();
  EXPECT_EQ(gradient_of(x), (Numbers{21, 21}));
}

TEST(Hooks, MayNotChangeTheShape) {
  const Tensor x = leaf({1, 2}, {2});
  x.register_hook([](const Tensor&) { return ones({3}); });
  EXPECT_TRUE(contains(error_of([&] { sum(x).backward(); }), "[hook]"));
  const Tensor y = leaf({1, 2}, {2});
  const Tensor h = y * 2;
  h.register_hook([](const Tensor&) { return ones({3}); });
  EXPECT_TRUE(contains(error_of([&] { sum(h).backward(); }), "[hook]"));
}

TEST(Hooks, AreRefusedWhereNoGradientWillCome) {
  EXPECT_TRUE(
      contains(error_of([] { ones({2}).register_hook([](const Tensor& g) { return g; }); }), "no gradient"));
}

// -- anomaly mode

TEST(Anomaly, NamesTheOpWhoseOutputIsFirstNotFinite) {
  const AnomalyMode anomaly;
  const Tensor x = leaf({1, -1}, {2});
  const std::string message = error_of([&] { sum(exp(log(x))); });
  EXPECT_TRUE(contains(message, "[log] the output [2] has 1 NaN")) << message;
}

TEST(Anomaly, NamesTheOpWhoseBackwardIsFirstNotFinite) {
  const Tensor x = leaf({0, 4}, {2});
  const Tensor y = sum(sqrt(x) * 2);
  const AnomalyMode anomaly;
  const std::string message = error_of([&] { y.backward(); });
  EXPECT_TRUE(contains(message, "[sqrt] its backward made 1 NaN")) << message;
}

TEST(Anomaly, IsOffOutsideItsScope) {
  { const AnomalyMode anomaly; }
  EXPECT_FALSE(AnomalyMode::on());
  EXPECT_TRUE(std::isnan(log(from_vector({-1}, {1})).item()));
}

TEST(Anomaly, LeavesNoHalfMadeGradientBehind) {
  const Tensor x = leaf({0, 4}, {2});
  const Tensor h = sqrt(x);
  const Tensor y = sum(h);
  {
    const AnomalyMode anomaly;
    error_of([&] { y.backward({}, true); });
  }
  EXPECT_FALSE(h.grad_fn()->pending.defined());
  EXPECT_FALSE(y.grad_fn()->pending.defined());
}

// -- checkpoint

TEST(Checkpoint, GivesTheSameGradientsAndKeepsLess) {
  const Tensor x = leaf({0.1, 0.2, 0.3, 0.4}, {2, 2});
  const Tensor w = leaf({1, 2, 3, 4}, {2, 2});
  const auto block = [w](const std::vector<Tensor>& in) { return tanh(matmul(exp(in[0]), w)); };
  const Tensor plain = sum(block({x}));
  const std::int64_t plain_bytes = graph_stats(plain).saved_bytes;
  const std::vector<Tensor> expected = grad(plain, {x, w});
  const Tensor again = sum(checkpoint(block, {x}));
  EXPECT_LT(graph_stats(again).saved_bytes, plain_bytes);
  again.backward();
  EXPECT_TRUE(same_bits(x.grad(), expected[0]));
  EXPECT_TRUE(same_bits(w.grad(), expected[1]));
}

TEST(Checkpoint, OverFrozenInputsStillTrainsTheLeavesInside) {
  const Tensor x = from_vector({1, 2}, {1, 2});
  const Tensor w = leaf({1, 2, 3, 4}, {2, 2});
  const Tensor frozen = from_vector({1, 1, 1, 1}, {2, 2});
  const Tensor y =
      checkpoint([=](const std::vector<Tensor>& in) { return matmul(matmul(in[0], w), frozen); }, {x});
  sum(y).backward();
  EXPECT_EQ(gradient_of(w), (Numbers{2, 2, 4, 4}));
  EXPECT_FALSE(frozen.grad().defined());
}

TEST(Checkpoint, OfFrozenPartsRecordsNothing) {
  const Tensor y = checkpoint([](const std::vector<Tensor>& in) { return exp(in[0]); }, {ones({2})});
  EXPECT_EQ(y.grad_fn(), nullptr);
}

TEST(Checkpoint, DrawsTheSameDropoutMaskAgain) {
  const Tensor x = leaf(Numbers(64, 1.0), {8, 8});
  const auto block = [](const std::vector<Tensor>& in) {
    const RandomContext& context = random_context();
    return square(dropout(in[0], 0.5, random_key(context.seed, "dropout", context.step)));
  };
  Tensor expected;
  Tensor y;
  {
    const RandomScope scope({.seed = 7, .step = 3});
    expected = grad(sum(block({x})), {x})[0];
    y = sum(checkpoint(block, {x}));
  }
  const RandomScope elsewhere({.seed = 8, .step = 4});  // backward runs later, in another context
  y.backward();
  EXPECT_TRUE(same_bits(x.grad(), expected));
}

TEST(Checkpoint, MayIgnoreAnInput) {
  const Tensor unused = leaf({1}, {});
  const Tensor y = checkpoint([](const std::vector<Tensor>& in) { return in[1] * 2; }, {unused, ones({})});
  y.backward();
  EXPECT_FALSE(unused.grad().defined());
}

TEST(Checkpoint, MayHoldAnother) {
  const Tensor x = leaf({0.5}, {});
  const auto inner = [](const std::vector<Tensor>& in) { return exp(in[0]); };
  const auto outer = [inner](const std::vector<Tensor>& in) { return square(checkpoint(inner, in)); };
  checkpoint(outer, {x}).backward();
  EXPECT_NEAR(gradient_of(x)[0], 2 * std::exp(1.0), 1e-5);
}

TEST(Checkpoint, HasNoSecondDerivative) {
  const Tensor x = leaf({0.5}, {});
  const Tensor y = checkpoint([](const std::vector<Tensor>& in) { return exp(in[0]); }, {x});
  EXPECT_TRUE(contains(error_of([&] { grad(y, {x}, {}, {.create_graph = true}); }), "[checkpoint]"));
}

// -- graph_dot

TEST(GraphDot, ShowsOpsLeavesFrozenPartsModulesAndSavedBytes) {
  Tensor w = leaf({1, 2, 3, 4}, {2, 2}).set_name("head.weight");
  Tensor frozen = ones({2, 2}).set_name("layers.0.weight");
  Tensor below = leaf({1, 2}, {1, 2}).set_name("below");
  Tensor y;
  {
    const TraceScope scope(scope_id("layers.0"));
    y = matmul(exp(below), frozen);
  }
  y = sum(matmul(y, w));
  const std::string dot = graph_dot(y);
  for (const char* part : {"digraph thaw {", "\"matmul [1, 2]", "\"exp [1, 2]", "\"sum []", "head.weight",
                           "below", "layers.0.weight\\n(frozen)", "grey", "saves 8 B", "->"})
    EXPECT_TRUE(contains(dot, part)) << part << " is missing in\n" << dot;
  EXPECT_EQ(std::count(dot.begin(), dot.end(), '{'), std::count(dot.begin(), dot.end(), '}'));
  EXPECT_FALSE(contains(dot, "0x")) << "an address is another one in the next process: " << dot;
  EXPECT_TRUE(contains(dot, "\"leaf 1\" [label=") && contains(dot, "\"leaf 2\" [label=")) << dot;
}

TEST(GraphStats, OfATensorWithoutGraphAreZero) {
  const GraphStats stats = graph_stats(ones({2}));
  EXPECT_EQ(stats.nodes + stats.edges + stats.saved_bytes, 0);
}

}  // namespace
}  // namespace thaw::test
