// Cross-entropy of logits x [N, C] with class indices, as torch.nn.functional.cross_entropy defines it. With
// class weights w, label smoothing s and log-probabilities l = log_softmax(x), a row with target t has the
// loss
//   loss = (1 - s) * w[t] * -l[t] + s / C * sum_c(w[c] * -l[c])
// and the weight w[t] in a mean. A row whose target is ignore_index has loss 0 and weight 0.
#include <cmath>

#include "kernels/cpu/lanes.h"
#include "kernels/kernels.h"

namespace thaw::cpu {
namespace {

constexpr std::int64_t kExpWeight = 4;  // an element's cost relative to a plain pass

// What all rows share. Without class weights every weight is 1.
template <class T>
struct Classes {
  std::int64_t count;
  const T* weight;  // may be null
  T hard;           // 1 - s, the share of the target class
  T soft;           // s / C, the share of every class

  Classes(const Layout& logits, ConstView weights, const CrossEntropyParams& p)
      : count(logits.size[1]),
        weight(present(weights) ? weights.as<T>() : nullptr),
        hard(static_cast<T>(1 - p.smoothing)),
        soft(static_cast<T>(p.smoothing / static_cast<double>(count))) {}

  T weight_of(std::int64_t c) const { return weight ? weight[c] : T{1}; }
  Lanes<T> weights_at(std::int64_t c, int n) const { return weight ? load(weight + c, n) : 1 - Lanes<T>{}; }
  T total_weight() const { return weight ? sum_row(weight, count) : static_cast<T>(count); }
};

template <class T>
T logsumexp_row(const T* x, std::int64_t n) {
  const T largest = max_row(x, n);
  const T total = sum_lanes<T>(n, [&](std::int64_t i, int count) {
    return exp_lanes(load(x + i, count, -std::numeric_limits<T>::infinity()) - largest);
  });
  return largest + std::log(total);
}

// The term of label smoothing, without its factor s / C:
//   sum_c(w[c] * -l[c])
template <class T>
T smooth_loss(const Classes<T>& classes, const T* x, T lse) {
  return sum_lanes<T>(classes.count, [&](std::int64_t c, int n) {
    return classes.weights_at(c, n) * (lse - load(x + c, n, lse));
  });
}

// One row of the backward pass, with the weighted target distribution q:
//   q[c] = hard * w[c] * [c = t] + soft * w[c]
//   dx[c] = dloss * (sum(q) * softmax(x)[c] - q[c])
template <class T>
void cross_entropy_vjp_row(const Classes<T>& classes, T* dx, const T* x, T lse, T dloss, std::int64_t target,
                           T total_weight) {
  const T hard = classes.hard * classes.weight_of(target);
  const T scale = dloss * (hard + classes.soft * total_weight);
  const T soft = dloss * classes.soft;
  for_lanes<T>(classes.count, [&](std::int64_t c, int n) {
    store(dx + c, scale * exp_lanes(load(x + c, n) - lse) - soft * classes.weights_at(c, n), n);
  });
  dx[target] -= dloss * hard;
}

}  // namespace

void cross_entropy(View loss, View row_weight, View lse, ConstView logits, ConstView target, ConstView weight,
                   CrossEntropyParams p) {
  with_floating(logits.dtype, [&](auto zero) {
    using T = decltype(zero);
    const Classes<T> classes(logits, weight, p);
    const auto one_row = [&](std::int64_t r) {
      const T* x = logits.as<T>() + r * classes.count;
      const std::int64_t t = target.as<std::int64_t>()[r];
      const bool ignored = t == p.ignore_index;
      const T row_lse = ignored ? T{0} : logsumexp_row(x, classes.count);
      const T row = ignored ? T{0} : classes.weight_of(t);
      T row_loss = ignored ? T{0} : classes.hard * row * (row_lse - x[t]);
      if (!ignored && p.smoothing > 0) row_loss += classes.soft * smooth_loss(classes, x, row_lse);
      lse.as<T>()[r] = row_lse;
      row_weight.as<T>()[r] = row;
      loss.as<T>()[r] = row_loss;
    };
    parallel_for(logits.size[0], row_grain(classes.count, kExpWeight),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t r = begin; r < end; ++r) one_row(r);
                 });
  });
}

void cross_entropy_vjp(View dlogits, ConstView dloss, ConstView logits, ConstView lse, ConstView target,
                       ConstView weight, CrossEntropyParams p) {
  with_floating(logits.dtype, [&](auto zero) {
    using T = decltype(zero);
    const Classes<T> classes(logits, weight, p);
    const T total_weight = classes.total_weight();
    const auto one_row = [&](std::int64_t r) {
      const std::int64_t t = target.as<std::int64_t>()[r];
      T* dx = dlogits.as<T>() + r * classes.count;
      if (t == p.ignore_index) {
        std::fill_n(dx, classes.count, T{0});
        return;
      }
      cross_entropy_vjp_row(classes, dx, logits.as<T>() + r * classes.count, lse.as<T>()[r], dloss.as<T>()[r],
                            t, total_weight);
    };
    parallel_for(logits.size[0], row_grain(classes.count, kExpWeight),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t r = begin; r < end; ++r) one_row(r);
                 });
  });
}

}  // namespace thaw::cpu
