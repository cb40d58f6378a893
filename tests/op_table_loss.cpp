// Rows of core/ops/loss.cpp.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/op_table.h"

namespace thaw::test {
namespace {

double log_sum_exp(const Array& logits, Index at) {
  double total = 0;
  for (at[1] = 0; at[1] < logits.shape[1]; ++at[1]) total += std::exp(logits.at(at));
  return std::log(total);
}

// By definition: the cross-entropy of softmax(logits [N, C, ..]) with the smoothed target distribution.
Array cross_entropy_reference(const std::vector<Array>& in, const CrossEntropyOptions& options) {
  const Array& logits = in[0];
  const std::int64_t classes = logits.shape[1];
  const auto weight = [&](std::int64_t c) { return in.size() > 2 ? in[2].at({c}) : 1.0; };
  double total = 0, total_weight = 0;
  const Array losses = build(in[1].shape, [&](const Index& index) {
    const auto target = static_cast<std::int64_t>(in[1].at(index));
    if (target == options.ignore_index) return 0.0;
    Index at = index;
    at.insert(at.begin() + 1, 0);
    const double lse = log_sum_exp(logits, at);
    double loss = 0;
    for (std::int64_t c = 0; c < classes; ++c) {
      at[1] = c;
      const double share = options.label_smoothing / static_cast<double>(classes) +
                           (c == target ? 1 - options.label_smoothing : 0.0);
      loss += weight(c) * share * (lse - logits.at(at));
    }
    total += loss;
    total_weight += weight(target);
    return loss;
  });
  if (options.reduction == Reduction::none) return losses;
  return {{}, {options.reduction == Reduction::sum ? total : total / total_weight}};
}

OpRow cross_entropy_row(const char* variant, const CrossEntropyOptions& options) {
  return {
      .name = "cross_entropy",
      .variant = variant,
      .fn =
          [options](const auto& in) {
            CrossEntropyOptions all = options;
            if (in.size() > 2) all.weight = in[2];
            return cross_entropy(in[0], in[1], all);
          },
      .reference = [options](const auto& in) { return cross_entropy_reference(in, options); },
      .fused = true,
  };
}

Input targets(const Shape& shape, std::vector<double> classes) {
  return constant({shape, std::move(classes)}, DType::i64);
}

// Class weights are data, not something to differentiate by.
Input class_weights(std::int64_t n) {
  Input weights = uniform({n}, 0.5, 2);
  weights.differentiable = false;
  return weights;
}

void add_cross_entropy(OpTable& table) {
  OpRow mean = cross_entropy_row("", {});
  mean.samples = {{normal({4, 3}), targets({4}, {0, 2, -100, 1})},
                  {normal({1, 9}), targets({1}, {8})},
                  {normal({2, 3, 2}), targets({2, 2}, {0, 1, 2, 2})},
                  {normal({0, 3}), targets({0}, {})}};
  mean.large = [] { return OpSample{normal({257, 130}), indices({257}, 130)}; };
  mean.invalid = {{[] {
                     return cross_entropy(zeros({2, 3}), from_vector({0, 3}, {2}, {DType::i64}));
                   },
                   "target 3 is no class"},
                  {[] {
                     return cross_entropy(zeros({2, 3}), from_vector({-1, 0}, {2}, {DType::i64}));
                   },
                   "target -1 is no class"},
                  {[] {
                     return cross_entropy(zeros({2, 3}), zeros({2}));
                   },
                   "dtype i64, not f32"},
                  {[] {
                     return cross_entropy(zeros({2, 3}), zeros({3}, {DType::i64}));
                   },
                   "got logits [2, 3] and target [3]"},
                  {[] {
                     return cross_entropy(zeros({2, 3}), zeros({2}, {DType::i64}), {.weight = zeros({2})});
                   },
                   "need [3]"},
                  {[] {
                     return cross_entropy(zeros({2, 3}), zeros({2}, {DType::i64}), {.label_smoothing = 2});
                   },
                   "label_smoothing is 2"}};
  table.add(mean);

  OpRow smoothed = cross_entropy_row("weighted_smoothed", {.label_smoothing = 0.1, .ignore_index = 1});
  smoothed.samples = {{normal({4, 3}), targets({4}, {0, 2, 1, 2}), class_weights(3)},
                      {normal({2, 10}), targets({2}, {9, 0}), class_weights(10)},
                      {normal({0, 2}), targets({0}, {}), class_weights(2)}};
  smoothed.large = [] { return OpSample{normal({190, 101}), indices({190}, 101), class_weights(101)}; };
  table.add(smoothed);

  OpRow sum = cross_entropy_row("smoothed_sum", {.label_smoothing = 0.3, .reduction = Reduction::sum});
  sum.samples = {{normal({3, 2, 2}), targets({3, 2}, {0, 1, -100, 1, 0, 0})},
                 {normal({2, 4}), targets({2}, {3, -100})},
                 {normal({0, 2}), targets({0}, {})}};
  table.add(sum);

  OpRow none = cross_entropy_row("none", {.reduction = Reduction::none});
  none.samples = {{normal({3, 4}), targets({3}, {1, -100, 3})},
                  {normal({2, 2, 1, 3}), targets({2, 1, 3}, {0, 1, 1, 0, 0, 1})},
                  {normal({0, 2, 2}), targets({0, 2}, {})}};
  none.large = [] { return OpSample{normal({70, 333}), indices({70}, 333)}; };
  none.batch_inputs = {0, 1};
  table.add(none);
}

// Reductions of an elementwise loss f(x, target).
Array reduced(const Array& losses, Reduction reduction) {
  if (reduction == Reduction::none) return losses;
  double total = 0;
  for (const double loss : losses.values) total += loss;
  return {{}, {reduction == Reduction::sum ? total : total / static_cast<double>(losses.values.size())}};
}

using Loss = Tensor (*)(const Tensor&, const Tensor&, Reduction);

void add_elementwise_loss(OpTable& table, const char* name, Loss loss, double (*formula)(double, double),
                          Input (*target)(const Shape&)) {
  const struct {
    Reduction reduction;
    const char* variant;
  } variants[] = {{Reduction::mean, ""}, {Reduction::sum, "sum"}, {Reduction::none, "none"}};
  for (const auto& [reduction, variant] : variants) {
    table.add({
        .name = name,
        .variant = variant,
        .fn = [loss, r = reduction](const auto& in) { return loss(in[0], in[1], r); },
        .reference = [formula,
                      r = reduction](const auto& in) { return reduced(zip(in[0], in[1], formula), r); },
        .samples = {{normal({3, 4}), target({3, 4})},
                    {normal({}), target({})},
                    {normal({9}), target({9})},
                    {normal({0, 2}), target({0, 2})}},
        .large =
            [target] {
              return OpSample{normal({129, 301}), target({129, 301})};
            },
        .invalid = {{[loss] {
                       return loss(zeros({2, 3}), zeros({3}), Reduction::mean);
                     },
                     "shapes differ: input [2, 3] and target [3]"},
                    {[loss] { return loss(zeros({2}), zeros({2}, {DType::i64}), Reduction::mean); },
                     "dtypes differ"}},
        .batch_inputs = reduction == Reduction::none ? std::vector<int>{0, 1} : std::vector<int>{},
    });
  }
}

// By dynamic programming over (classes given so far, whether the last frame was a blank), in plain probabilities.
double ctc_probability(const Array& logits, std::int64_t first, std::int64_t frames,
                       const std::vector<std::int64_t>& target, std::int64_t blank) {
  const std::size_t states = target.size() + 1;
  std::vector<double> after_blank(states), after_class(states);
  after_blank[0] = 1;
  for (std::int64_t t = first; t < first + frames; ++t) {
    const double total = std::exp(log_sum_exp(logits, {t, 0}));
    const auto p = [&](std::int64_t c) { return std::exp(logits.at({t, c})) / total; };
    std::vector<double> next_blank(states), next_class(states);
    for (std::size_t k = 0; k < states; ++k) {
      next_blank[k] = p(blank) * (after_blank[k] + after_class[k]);
      if (k == 0) continue;
      const bool repeats = k > 1 && target[k - 1] == target[k - 2];
      const double arriving = after_blank[k - 1] + (repeats ? 0 : after_class[k - 1]);
      next_class[k] = p(target[k - 1]) * (after_class[k] + arriving);
    }
    after_blank = next_blank;
    after_class = next_class;
  }
  return after_blank.back() + after_class.back();
}

Array ctc_reference(const std::vector<Array>& in, const CtcOptions& options) {
  std::vector<double> losses;
  std::int64_t frame = 0;
  std::size_t at = 0;
  double total = 0;
  for (std::size_t i = 0; i < in[1].values.size(); ++i) {
    const auto frames = static_cast<std::int64_t>(in[1].values[i]);
    const auto length = static_cast<std::size_t>(in[3].values[i]);
    std::vector<std::int64_t> target;
    for (std::size_t k = 0; k < length; ++k)
      target.push_back(static_cast<std::int64_t>(in[2].values[at + k]));
    const double probability = ctc_probability(in[0], frame, frames, target, options.blank);
    losses.push_back(probability == 0 && options.zero_infinity ? 0 : -std::log(probability));
    total += options.reduction == Reduction::mean ? losses.back() / std::max<double>(1, in[3].values[i])
                                                  : losses.back();
    frame += frames;
    at += length;
  }
  if (options.reduction == Reduction::none) return {in[1].shape, losses};
  return {{}, {options.reduction == Reduction::sum ? total : total / static_cast<double>(losses.size())}};
}

OpSample ctc_sample(std::int64_t classes, const std::vector<double>& frames,
                    const std::vector<double>& target, const std::vector<double>& lengths) {
  const auto samples = static_cast<std::int64_t>(frames.size());
  return {normal({static_cast<std::int64_t>(std::accumulate(frames.begin(), frames.end(), 0.0)), classes}),
          targets({samples}, frames), targets({static_cast<std::int64_t>(target.size())}, target),
          targets({samples}, lengths)};
}

Tensor small_ctc(const std::vector<std::int64_t>& frames, const std::vector<std::int64_t>& target,
                 const std::vector<std::int64_t>& lengths, const CtcOptions& options = {}) {
  const auto indices_of = [](const std::vector<std::int64_t>& numbers) {
    return from_data(numbers.data(), {static_cast<std::int64_t>(numbers.size())});
  };
  return ctc_loss(zeros({5, 3}), indices_of(frames), indices_of(target), indices_of(lengths), options);
}

OpRow ctc_row(const char* variant, const CtcOptions& options) {
  return {
      .name = "ctc_loss",
      .variant = variant,
      .fn = [options](const auto& in) { return ctc_loss(in[0], in[1], in[2], in[3], options); },
      .reference = [options](const auto& in) { return ctc_reference(in, options); },
      .fused = true,
      .counts = {1, 3},
  };
}

void add_ctc(OpTable& table) {
  // Of a sample: a sequence with a repeated class; as many frames as it needs; an empty sequence; no frame at all.
  OpRow mean = ctc_row("", {});
  mean.samples = {ctc_sample(3, {5, 1}, {1, 1, 2}, {3, 0}), ctc_sample(4, {3}, {2, 2}, {2}),
                  ctc_sample(2, {4, 2, 3}, {1, 1}, {1, 0, 1})};
  mean.large = [] {
    std::vector<double> frames, lengths, target;
    for (int i = 0; i < 9; ++i) {
      frames.push_back(40 + 7 * i);
      lengths.push_back(3 * i);
      for (int k = 0; k < 3 * i; ++k) target.push_back(1 + (k * k + i) % 30);
    }
    return ctc_sample(31, frames, target, lengths);
  };
  mean.no_empty = "the mean of no sample is not a number";
  mean.invalid = {{[] {
                     return small_ctc({5}, {1, 3}, {2});
                   },
                   "target 3 is no class: they are 0 to 2, without the blank, 0"},
                  {[] {
                     return small_ctc({5}, {1, 0}, {2});
                   },
                   "target 0 is no class"},
                  {[] {
                     return small_ctc({2, 2}, {1, 2}, {1, 1});
                   },
                   "the samples have 4 frames, but there are 5"},
                  {[] {
                     return small_ctc({5}, {1, 2}, {1});
                   },
                   "the samples have 1 targets, but there are 2"},
                  {[] {
                     return small_ctc({6, -1}, {1, 2}, {1, 1});
                   },
                   "sample 1 has -1 frames"},
                  {[] {
                     return small_ctc({2, 3}, {1, 2, 2, 2}, {1, 3});
                   },
                   "sample 1 has 3 frames for 3 targets that need 5"},
                  {[] {
                     return small_ctc({2, 3}, {1, 2}, {2});
                   },
                   "frames are of 2 samples and lengths of 1"},
                  {[] { return small_ctc({5}, {1}, {1}, {.blank = 3}); }, "the blank is 3"}};
  table.add(mean);

  OpRow sum = ctc_row("sum_last_blank", {.blank = 2, .reduction = Reduction::sum});
  sum.samples = {ctc_sample(3, {4, 3}, {0, 1, 1}, {2, 1}), ctc_sample(3, {}, {}, {})};
  table.add(sum);

  OpRow none = ctc_row("none_zero_infinity", {.zero_infinity = true, .reduction = Reduction::none});
  none.samples = {ctc_sample(3, {4, 2, 0}, {1, 2, 1, 1, 2}, {2, 2, 1}), ctc_sample(3, {0}, {}, {0})};
  table.add(none);
}

}  // namespace

void add_loss_ops(OpTable& table) {
  add_cross_entropy(table);
  add_ctc(table);
  add_elementwise_loss(
      table, "mse_loss", mse_loss, [](double x, double t) { return (x - t) * (x - t); },
      [](const Shape& shape) { return normal(shape); });
  add_elementwise_loss(
      table, "bce_with_logits", bce_with_logits,
      [](double x, double t) { return std::max(x, 0.0) - x * t + std::log1p(std::exp(-std::abs(x))); },
      [](const Shape& shape) { return uniform(shape, 0, 1); });
}

}  // namespace thaw::test
