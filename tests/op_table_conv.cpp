// Rows of core/ops/conv.cpp and core/ops/pool.cpp.
#include <algorithm>
#include <cmath>

#include "tests/op_table.h"

namespace thaw::test {
namespace {

ConvParams conv_params(std::int64_t stride, std::int64_t padding, std::int64_t dilation,
                       std::int64_t groups) {
  ConvParams p;
  std::fill_n(p.stride, 2, stride);
  std::fill_n(p.padding, 2, padding);
  std::fill_n(p.dilation, 2, dilation);
  p.groups = groups;
  return p;
}

PoolParams pool_params(std::int64_t size, std::int64_t stride, std::int64_t padding,
                       bool count_padding = true) {
  PoolParams p;
  std::fill_n(p.size, 2, size);
  std::fill_n(p.stride, 2, stride);
  std::fill_n(p.padding, 2, padding);
  p.count_include_pad = count_padding;
  return p;
}

PoolParams along_width(PoolParams p) {
  p.size[0] = p.stride[0] = 1;
  p.padding[0] = 0;
  return p;
}

// [N, C, L] <-> [N, C, 1, L]
Array with_height(Array x) {
  x.shape.insert(2, 1);
  return x;
}
Array without_height(Array x) {
  x.shape.erase(2);
  return x;
}

bool inside(std::int64_t at, std::int64_t size) { return at >= 0 && at < size; }

// x [N, C, H, W], w [O, C / groups, kh, kw], bias [O] or absent.
Array conv_reference(const std::vector<Array>& in, const ConvParams& p) {
  const Array& x = in[0];
  const Array& w = in[1];
  Shape shape{x.shape[0], w.shape[0], 0, 0};
  for (int d = 0; d < 2; ++d)
    shape[2 + d] =
        (x.shape[2 + d] + 2 * p.padding[d] - p.dilation[d] * (w.shape[2 + d] - 1) - 1) / p.stride[d] + 1;
  const std::int64_t channels = w.shape[1], filters = w.shape[0] / p.groups;
  return build(shape, [&](const Index& y) {
    double total = in.size() > 2 ? in[2].at({y[1]}) : 0.0;
    for_each_index({channels, w.shape[2], w.shape[3]}, [&](const Index& tap) {
      const std::int64_t row = y[2] * p.stride[0] - p.padding[0] + tap[1] * p.dilation[0];
      const std::int64_t column = y[3] * p.stride[1] - p.padding[1] + tap[2] * p.dilation[1];
      if (inside(row, x.shape[2]) && inside(column, x.shape[3]))
        total += x.at({y[0], y[1] / filters * channels + tap[0], row, column}) *
                 w.at({y[1], tap[0], tap[1], tap[2]});
    });
    return total;
  });
}

// f(values inside the window, the window's size with its padding) for every window.
using PoolFunction = std::function<double(const std::vector<double>&, double)>;
Array pool_reference(const Array& x, const PoolParams& p, const PoolFunction& f) {
  Shape shape = x.shape;
  for (int d = 0; d < 2; ++d)
    shape[2 + d] = (x.shape[2 + d] + 2 * p.padding[d] - p.size[d]) / p.stride[d] + 1;
  return build(shape, [&](const Index& y) {
    std::vector<double> seen;
    for_each_index({p.size[0], p.size[1]}, [&](const Index& at) {
      const std::int64_t row = y[2] * p.stride[0] - p.padding[0] + at[0];
      const std::int64_t column = y[3] * p.stride[1] - p.padding[1] + at[1];
      if (inside(row, x.shape[2]) && inside(column, x.shape[3]))
        seen.push_back(x.at({y[0], y[1], row, column}));
    });
    return f(seen, static_cast<double>(p.size[0] * p.size[1]));
  });
}

double maximum_of(const std::vector<double>& seen, double) {
  return *std::max_element(seen.begin(), seen.end());
}
double total_of(const std::vector<double>& seen) {
  double total = 0;
  for (const double value : seen) total += value;
  return total;
}
double mean_with_padding(const std::vector<double>& seen, double window) { return total_of(seen) / window; }
double mean_inside(const std::vector<double>& seen, double) {
  return total_of(seen) / static_cast<double>(seen.size());
}

Array adaptive_reference(const Array& x, std::int64_t height, std::int64_t width) {
  const double h = static_cast<double>(x.shape[2]), w = static_cast<double>(x.shape[3]);
  return build({x.shape[0], x.shape[1], height, width}, [&](const Index& y) {
    auto first = [](std::int64_t i, std::int64_t out, double in) {
      return static_cast<std::int64_t>(std::floor(static_cast<double>(i) * in / static_cast<double>(out)));
    };
    auto last = [](std::int64_t i, std::int64_t out, double in) {
      return static_cast<std::int64_t>(std::ceil(static_cast<double>(i + 1) * in / static_cast<double>(out)));
    };
    std::vector<double> seen;
    for (std::int64_t row = first(y[2], height, h); row < last(y[2], height, h); ++row)
      for (std::int64_t column = first(y[3], width, w); column < last(y[3], width, w); ++column)
        seen.push_back(x.at({y[0], y[1], row, column}));
    return mean_inside(seen, 0);
  });
}

OpRow conv2d_row(const char* variant, const ConvParams& p, std::vector<OpSample> samples,
                 std::function<OpSample()> large) {
  return {
      .name = "conv2d",
      .variant = variant,
      .fn = [p](const auto& in) { return conv2d(in[0], in[1], in.size() > 2 ? in[2] : Tensor(), p); },
      .reference = [p](const auto& in) { return conv_reference(in, p); },
      .samples = std::move(samples),
      .large = std::move(large),
      .invalid = {{[p] {
                     return conv2d(zeros({2, 8, 8}), zeros({16, 3, 3, 3}), {}, p);
                   },
                   "[conv2d] needs x [N, C, H, W] and w [O, C / groups, kh, kw], got x [2, 8, 8]"},
                  {[p] {
                     return conv2d(zeros({2, 8, 1, 1}), zeros({16, 8 / p.groups, 9, 9}), {}, p);
                   },
                   "the filter does not fit the padded input"}},
      .batch_inputs = {0},
      .f32 = {1e-5, 1e-4},
      .f32_gradient = {1e-4, 1e-3},
  };
}

void add_convolutions(OpTable& table) {
  OpRow plain = conv2d_row("", {},
                           {{normal({1, 2, 3, 3}), normal({2, 2, 2, 2}), normal({2})},
                            {normal({2, 1, 2, 3}), normal({1, 1, 1, 1}), normal({1})},
                            {normal({1, 1, 1, 1}), normal({1, 1, 1, 1}), normal({1})},
                            {normal({0, 2, 3, 3}), normal({2, 2, 2, 2}), normal({2})},
                            {normal({1, 0, 3, 3}), normal({2, 0, 2, 2}), normal({2})}},
                           [] {
                             return OpSample{normal({5, 9, 11, 13}), normal({17, 9, 3, 3}), normal({17})};
                           });
  plain.invalid.push_back({[] {
                             return conv2d(zeros({2, 3, 8, 8}), zeros({16, 4, 3, 3}));
                           },
                           "[conv2d] input channels differ: x [2, 3, 8, 8] x w [16, 4, 3, 3]"});
  plain.invalid.push_back({[] {
                             return conv2d(zeros({2, 3, 8, 8}), zeros({16, 3, 3, 3}), zeros({3}));
                           },
                           "the bias has shape [3], the weight [16, 3, 3, 3] needs [16]"});
  plain.invalid.push_back(
      {[] {
         return conv2d(zeros({1, 1, 4, 4}), zeros({1, 1, 2, 2}), {}, conv_params(0, 0, 1, 1));
       },
       "stride 0, padding 0, dilation 1: stride and dilation start at 1"});
  plain.invalid.push_back(
      {[] {
         return conv2d(zeros({1, 1, 4, 4}), zeros({1, 1, 2, 2}), {}, conv_params(1, 0, 1, 0));
       },
       "groups is 0"});
  plain.invalid.push_back(
      {[] {
         return conv2d(zeros({1, 4, 4, 4}), zeros({3, 2, 2, 2}), {}, conv_params(1, 0, 1, 2));
       },
       "output channels do not divide into groups: w [3, 2, 2, 2], groups 2"});
  table.add(std::move(plain));
  table.add(conv2d_row(
      "padded", conv_params(1, 1, 1, 1),
      {{normal({2, 1, 3, 2}), normal({2, 1, 3, 3})}, {normal({0, 1, 3, 2}), normal({2, 1, 3, 3})}}, [] {
        return OpSample{normal({7, 16, 8, 8}), normal({23, 16, 3, 3})};
      }));
  table.add(conv2d_row("tiny_images", conv_params(1, 1, 1, 1),
                       {{normal({3, 2, 1, 2}), normal({2, 2, 3, 3}), normal({2})},
                        {normal({0, 2, 1, 2}), normal({2, 2, 3, 3}), normal({2})}},
                       [] {
                         return OpSample{normal({23, 40, 2, 2}), normal({33, 40, 3, 3}), normal({33})};
                       }));
  table.add(conv2d_row("strided", conv_params(2, 1, 1, 1),
                       {{normal({1, 2, 4, 5}), normal({2, 2, 3, 3}), normal({2})},
                        {normal({1, 1, 5, 4}), normal({1, 1, 1, 2}), normal({1})},
                        {normal({0, 1, 5, 4}), normal({1, 1, 1, 2}), normal({1})}},
                       [] {
                         return OpSample{normal({6, 8, 15, 14}), normal({19, 8, 3, 3}), normal({19})};
                       }));
  table.add(conv2d_row(
      "dilated", conv_params(2, 2, 3, 1),
      {{normal({1, 1, 6, 5}), normal({2, 1, 2, 2})}, {normal({0, 1, 6, 5}), normal({2, 1, 2, 2})}}, [] {
        return OpSample{normal({4, 6, 17, 19}), normal({9, 6, 3, 3})};
      }));
  // Several taps of a filter reach the same input pixels: those whose steps the stride divides.
  table.add(conv2d_row("dilation_in_stride", conv_params(4, 2, 2, 1),
                       {{normal({1, 1, 7, 6}), normal({2, 1, 4, 3}), normal({2})},
                        {normal({0, 1, 7, 6}), normal({2, 1, 4, 3}), normal({2})}},
                       [] {
                         return OpSample{normal({4, 6, 19, 21}), normal({9, 6, 4, 5}), normal({9})};
                       }));
  table.add(conv2d_row("stride_in_dilation", conv_params(2, 4, 4, 1),
                       {{normal({1, 1, 4, 5}), normal({2, 1, 3, 2}), normal({2})},
                        {normal({0, 1, 4, 5}), normal({2, 1, 3, 2}), normal({2})}},
                       [] {
                         return OpSample{normal({4, 6, 17, 18}), normal({9, 6, 3, 3}), normal({9})};
                       }));
  table.add(conv2d_row("groups", conv_params(1, 0, 1, 2),
                       {{normal({1, 4, 3, 2}), normal({2, 2, 2, 2}), normal({2})},
                        {normal({0, 4, 3, 2}), normal({2, 2, 2, 2}), normal({2})}},
                       [] {
                         return OpSample{normal({4, 12, 9, 9}), normal({14, 6, 3, 3}), normal({14})};
                       }));
  table.add(conv2d_row(
      "depthwise", conv_params(1, 1, 1, 8),
      {{normal({1, 8, 2, 2}), normal({8, 1, 2, 2})}, {normal({0, 8, 2, 2}), normal({8, 1, 2, 2})}}, [] {
        return OpSample{normal({3, 8, 20, 21}), normal({8, 1, 3, 3})};
      }));
  table.add(conv2d_row("depthwise_strided", conv_params(2, 2, 1, 4),
                       {{normal({1, 4, 3, 2}), normal({4, 1, 2, 3}), normal({4})},
                        {normal({0, 4, 3, 2}), normal({4, 1, 2, 3}), normal({4})}},
                       [] {
                         return OpSample{normal({5, 4, 34, 45}), normal({4, 1, 5, 5}), normal({4})};
                       }));
  table.add(conv2d_row(
      "depthwise_dilated", conv_params(2, 4, 3, 4),
      {{normal({1, 4, 2, 3}), normal({4, 1, 2, 3})}, {normal({0, 4, 2, 3}), normal({4, 1, 2, 3})}}, [] {
        return OpSample{normal({6, 4, 23, 41}), normal({4, 1, 4, 3})};
      }));

  ConvParams sequence;
  sequence.stride[1] = 2;
  sequence.padding[1] = 1;
  table.add({
      .name = "conv1d",
      .fn = [](const auto& in) { return conv1d(in[0], in[1], in[2], 2, 1); },
      .reference =
          [sequence](const auto& in) {
            return without_height(conv_reference({with_height(in[0]), with_height(in[1]), in[2]}, sequence));
          },
      .samples = {{normal({2, 2, 5}), normal({2, 2, 3}), normal({2})},
                  {normal({0, 2, 5}), normal({2, 2, 3}), normal({2})}},
      .large =
          [] {
            return OpSample{normal({5, 16, 301}), normal({18, 16, 5}), normal({18})};
          },
      .invalid = {{[] {
                     return conv1d(zeros({2, 3, 8}), zeros({16, 4, 3}));
                   },
                   "[conv1d] input channels differ: x [2, 3, 8] x w [16, 4, 3]"},
                  {[] {
                     return conv1d(zeros({2, 3, 8, 8}), zeros({16, 3, 3}));
                   },
                   "[conv1d] needs x [N, C, L]"}},
      .recorded_as = "conv2d",
      .batch_inputs = {0},
      .f32 = {1e-5, 1e-4},
      .f32_gradient = {1e-4, 1e-3},
  });
}

std::vector<Invalid> invalid_pools(Tensor (*pool)(const Tensor&, const PoolParams&)) {
  return {
      {[pool] {
         return pool(zeros({3, 8, 8}), {});
       },
       "needs x [N, C, H, W], got [3, 8, 8]"},
      {[pool] {
         return pool(zeros({1, 3, 8, 8}), pool_params(2, 2, 2));
       },
       "size 2, stride 2, padding 2: size and stride start at 1, and the padding is at most half the size"},
      {[pool] {
         return pool(zeros({1, 3, 2, 2}), pool_params(5, 1, 1));
       },
       "the window does not fit the padded input: x [1, 3, 2, 2], size 5, padding 1"},
      {[pool] {
         return pool(zeros({1, 3, 0, 2}), pool_params(1, 1, 0));
       },
       "has nothing to pool"}};
}

void add_pools(OpTable& table) {
  const PoolParams overlapping = pool_params(3, 2, 1);
  auto large = [] { return OpSample{distinct({3, 7, 27, 31})}; };
  table.add({
      .name = "max_pool2d",
      .fn = [=](const auto& in) { return max_pool2d(in[0], overlapping); },
      .reference = [=](const auto& in) { return pool_reference(in[0], overlapping, maximum_of); },
      .samples = {{distinct({1, 2, 4, 5})}, {distinct({2, 1, 1, 2})}, {distinct({0, 2, 4, 5})}},
      .large = large,
      .invalid = invalid_pools(max_pool2d),
      .fused = true,
      .batch_inputs = {0},
  });
  table.add({
      .name = "max_pool1d",
      .fn = [](const auto& in) { return max_pool1d(in[0], 3, 2, 1); },
      .reference =
          [=](const auto& in) {
            return without_height(pool_reference(with_height(in[0]), along_width(overlapping), maximum_of));
          },
      .samples = {{distinct({2, 2, 5})}, {distinct({0, 2, 4})}},
      .large =
          [] {
            return OpSample{distinct({5, 7, 301})};
          },
      .invalid = {{[] {
                     return max_pool1d(zeros({2, 3, 4, 4}), 2, 2);
                   },
                   "[max_pool1d] needs x [N, C, L]"},
                  {[] {
                     return max_pool1d(zeros({2, 3, 4}), 5, 2);
                   },
                   "does not fit the padded input"}},
      .fused = true,
      .recorded_as = "max_pool2d",
      .batch_inputs = {0},
  });
  for (const bool count_padding : {true, false}) {
    const PoolParams p = pool_params(3, 2, 1, count_padding);
    table.add({
        .name = "avg_pool2d",
        .variant = count_padding ? "" : "padding_not_counted",
        .fn = [=](const auto& in) { return avg_pool2d(in[0], p); },
        .reference =
            [=](const auto& in) {
              return pool_reference(in[0], p, count_padding ? mean_with_padding : mean_inside);
            },
        .samples = {{normal({1, 2, 5, 4})}, {normal({2, 1, 1, 2})}, {normal({0, 2, 4, 5})}},
        .large = large,
        .invalid = invalid_pools(avg_pool2d),
        .batch_inputs = {0},
    });
  }
  table.add({
      .name = "avg_pool1d",
      .fn = [](const auto& in) { return avg_pool1d(in[0], 3, 2, 1); },
      .reference =
          [=](const auto& in) {
            return without_height(
                pool_reference(with_height(in[0]), along_width(overlapping), mean_with_padding));
          },
      .samples = {{normal({2, 2, 5})}, {normal({0, 2, 4})}},
      .large =
          [] {
            return OpSample{normal({5, 7, 301})};
          },
      .invalid = {{[] {
                     return avg_pool1d(zeros({2, 3, 4, 4}), 2, 2);
                   },
                   "[avg_pool1d] needs x [N, C, L]"},
                  {[] {
                     return avg_pool1d(zeros({2, 3, 4}), 2, 0);
                   },
                   "stride 0"}},
      .recorded_as = "avg_pool2d",
      .batch_inputs = {0},
  });
  table.add({
      .name = "adaptive_avg_pool2d",
      .fn = [](const auto& in) { return adaptive_avg_pool2d(in[0], 3, 2); },
      .reference = [](const auto& in) { return adaptive_reference(in[0], 3, 2); },
      .samples = {{normal({1, 2, 4, 5})}, {normal({2, 1, 1, 2})}, {normal({0, 2, 4, 5})}},
      .large = large,
      .invalid = {{[] {
                     return adaptive_avg_pool2d(zeros({1, 3, 4, 4}), 0, 1);
                   },
                   "the output size 0 x 1"},
                  {[] {
                     return adaptive_avg_pool2d(zeros({3, 4, 4}), 1, 1);
                   },
                   "needs x [N, C, H, W]"}},
      .batch_inputs = {0},
  });
  table.add({
      .name = "adaptive_avg_pool1d",
      .fn = [](const auto& in) { return adaptive_avg_pool1d(in[0], 3); },
      .reference =
          [](const auto& in) { return without_height(adaptive_reference(with_height(in[0]), 1, 3)); },
      .samples = {{normal({2, 2, 5})}, {normal({0, 2, 4})}},
      .large =
          [] {
            return OpSample{normal({5, 7, 301})};
          },
      .invalid = {{[] {
                     return adaptive_avg_pool1d(zeros({1, 3, 4}), 0);
                   },
                   "the output length 0"},
                  {[] {
                     return adaptive_avg_pool1d(zeros({1, 3, 4, 4}), 1);
                   },
                   "needs x [N, C, L]"}},
      .recorded_as = "adaptive_avg_pool2d",
      .batch_inputs = {0},
  });
}

}  // namespace

void add_conv_ops(OpTable& table) {
  add_convolutions(table);
  add_pools(table);
}

}  // namespace thaw::test
