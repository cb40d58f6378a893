// Single ops, forward and where it matters backward, at the shapes of the models that are trained here.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "core/autograd.h"
#include "core/ops.h"
#include "core/random.h"
#include "nn/optim/adamw.h"
#include "nn/optim/optimizer.h"

namespace thaw {
namespace {

using benchmark::State;

Tensor normal(const Shape& shape, int stream = 0) { return randn(shape, random_key(0, "bench", stream)); }

// Rates are shown beside the time: arithmetic where it bounds the op, memory traffic elsewhere.
void count_flops(State& state, double flops) {
  state.counters["flops"] = benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
}
void count_bytes(State& state, std::int64_t bytes) { state.SetBytesProcessed(state.iterations() * bytes); }

// -- products: args m, n, k

void product(State& state) {
  const std::int64_t m = state.range(0), n = state.range(1), k = state.range(2);
  const Tensor a = normal({m, k}), b = normal({k, n}, 1);
  for (auto _ : state) benchmark::DoNotOptimize(matmul(a, b));
  count_flops(state, 2.0 * static_cast<double>(m * n * k));
}
// Square ones, then forward, weight gradient and input gradient of the mlp's first layer.
BENCHMARK(product)->Args({64, 64, 64})->Args({256, 256, 256})->Args({512, 512, 512});
BENCHMARK(product)->Args({64, 256, 784})->Args({256, 784, 64})->Args({64, 784, 256});

// -- convolution: args batch, channels in, channels out, side, stride

struct ConvCase {
  explicit ConvCase(const State& state)
      : x(normal({state.range(0), state.range(1), state.range(3), state.range(3)})),
        w(normal({state.range(2), state.range(1), 3, 3}, 1)) {
    params.stride[0] = params.stride[1] = state.range(4);
    params.padding[0] = params.padding[1] = 1;
  }
  Tensor forward() const { return conv2d(x, w, {}, params); }
  double flops() const { return 2.0 * static_cast<double>(forward().numel() * w.numel() / w.size(0)); }

  Tensor x, w;
  ConvParams params;
};

void convolution(State& state) {
  const ConvCase c(state);
  for (auto _ : state) benchmark::DoNotOptimize(c.forward());
  count_flops(state, c.flops());
}

void gradient_of(State& state, Tensor ConvCase::*wanted) {
  ConvCase c(state);
  (c.*wanted).set_requires_grad();
  const Tensor y = c.forward(), dy = ones(y.shape());
  for (auto _ : state) benchmark::DoNotOptimize(grad(y, {c.*wanted}, dy, {.retain_graph = true}));
  const NoGrad no_grad;
  count_flops(state, c.flops());
}
void convolution_input_gradient(State& state) { gradient_of(state, &ConvCase::x); }
void convolution_weight_gradient(State& state) { gradient_of(state, &ConvCase::w); }

void cnn_shapes(benchmark::internal::Benchmark* b) {
  b->Args({64, 1, 16, 28, 1})->Args({64, 16, 16, 28, 1})->Args({64, 16, 32, 28, 2})->Args({64, 64, 64, 7, 1});
  b->Args({32, 8, 8, 8, 1})->Args({32, 32, 32, 2, 1});
}
BENCHMARK(convolution)->Apply(cnn_shapes);
BENCHMARK(convolution_input_gradient)->Apply(cnn_shapes);
BENCHMARK(convolution_weight_gradient)->Apply(cnn_shapes);

// -- elementwise: arg elements

constexpr std::int64_t kFewElements = 1 << 10, kManyElements = 1 << 20;

void unary(State& state, Tensor (*op)(const Tensor&)) {
  const Tensor x = normal({state.range(0)});
  for (auto _ : state) benchmark::DoNotOptimize(op(x));
  count_bytes(state, 2 * x.bytes());
}
void binary(State& state, Tensor (*op)(const Tensor&, const Tensor&)) {
  const Tensor a = normal({state.range(0)}), b = normal({state.range(0)}, 1);
  for (auto _ : state) benchmark::DoNotOptimize(op(a, b));
  count_bytes(state, 3 * a.bytes());
}
#define THAW_BENCH_ELEMENTWISE(kind, op) \
  BENCHMARK_CAPTURE(kind, op, op)->Arg(kFewElements)->Arg(kManyElements)
THAW_BENCH_ELEMENTWISE(binary, add);
THAW_BENCH_ELEMENTWISE(binary, mul);
THAW_BENCH_ELEMENTWISE(unary, relu);
THAW_BENCH_ELEMENTWISE(unary, gelu);
THAW_BENCH_ELEMENTWISE(unary, tanh);
THAW_BENCH_ELEMENTWISE(unary, exp);
THAW_BENCH_ELEMENTWISE(unary, sigmoid);
#undef THAW_BENCH_ELEMENTWISE

void transposed_copy(State& state) {
  const Tensor x = normal({state.range(0), state.range(0)});
  for (auto _ : state) benchmark::DoNotOptimize(x.mT().contiguous());
  count_bytes(state, 2 * x.bytes());
}
BENCHMARK(transposed_copy)->Arg(1024);

// -- reductions, softmax, losses, norms: args rows, columns

void sum_over(State& state, int dim) {
  const Tensor x = normal({state.range(0), state.range(1)});
  for (auto _ : state) benchmark::DoNotOptimize(sum(x, {dim}));
  count_bytes(state, x.bytes());
}
BENCHMARK_CAPTURE(sum_over, columns, 1)->Args({1024, 1024})->Args({64, 10});
BENCHMARK_CAPTURE(sum_over, rows, 0)->Args({1024, 1024})->Args({64, 10});

void softmax_rows(State& state) {
  const Tensor x = normal({state.range(0), state.range(1)});
  for (auto _ : state) benchmark::DoNotOptimize(softmax(x));
  count_bytes(state, 2 * x.bytes());
}
BENCHMARK(softmax_rows)->Args({1024, 1024})->Args({64, 10});

void cross_entropy_both_ways(State& state) {
  Tensor x = normal({state.range(0), state.range(1)});
  x.set_requires_grad();
  const Tensor target = zeros({state.range(0)}, {DType::i64});
  for (auto _ : state) benchmark::DoNotOptimize(grad(cross_entropy(x, target), {x}));
  count_bytes(state, 2 * x.bytes());
}
BENCHMARK(cross_entropy_both_ways)->Args({1024, 1024})->Args({64, 10});

void layer_norm_both_ways(State& state) {
  Tensor x = normal({state.range(0), state.range(1)});
  x.set_requires_grad();
  const Tensor gamma = ones({state.range(1)}), beta = zeros({state.range(1)}), dy = normal(x.shape(), 1);
  for (auto _ : state) benchmark::DoNotOptimize(grad(layer_norm(x, 1, gamma, beta), {x}, dy));
  count_bytes(state, 5 * x.bytes());
}
BENCHMARK(layer_norm_both_ways)->Args({1024, 384});

// args batch, channels, side
void batch_norm_both_ways(State& state) {
  Tensor x = normal({state.range(0), state.range(1), state.range(2), state.range(2)});
  x.set_requires_grad();
  const Tensor gamma = ones({state.range(1)}), beta = zeros({state.range(1)}), dy = normal(x.shape(), 1);
  for (auto _ : state) benchmark::DoNotOptimize(grad(batch_norm_train(x, gamma, beta).y, {x}, dy));
  count_bytes(state, 5 * x.bytes());
}
BENCHMARK(batch_norm_both_ways)->Args({64, 16, 28})->Args({64, 64, 7});

// -- optimizer: arg elements of the one parameter

void adamw_step(State& state) {
  const auto parameter = std::make_shared<Parameter>();
  parameter->name = "w";
  parameter->tensor = normal({state.range(0)});
  parameter->set_requires_grad(true);
  parameter->tensor.set_grad(normal({state.range(0)}, 1));
  AdamW optimizer({parameter}, {});
  for (auto _ : state) optimizer.step(1e-3);
  count_bytes(state, 7 * parameter->tensor.bytes());
}
BENCHMARK(adamw_step)->Arg(kFewElements)->Arg(kManyElements);

// -- what an op costs beside its arithmetic: 100 ops on 4 elements, forward and backward

void tiny_chain(State& state) {
  constexpr int kOps = 100;
  Tensor x = ones({4});
  x.set_requires_grad();
  const Tensor scale = full({4}, 0.99), shift = full({4}, 0.01), dy = ones({4});
  for (auto _ : state) {
    Tensor y = x;
    for (int i = 0; i < kOps / 2; ++i) y = y * scale + shift;
    benchmark::DoNotOptimize(grad(y, {x}, dy));
  }
  state.SetItemsProcessed(state.iterations() * kOps);
}
BENCHMARK(tiny_chain);

}  // namespace
}  // namespace thaw
