// Optimizer steps: one pass over weight, gradient and state, all dense and updated in place. The order of
// operations is that of torch.optim's f32 code, so that long runs agree.
#include <cmath>
#include <limits>

#include "kernels/cpu/lanes.h"
#include "kernels/kernels.h"

namespace thaw::cpu {
namespace {

// State without news (of a dead ReLU's weights, of a token that no batch has) shrinks with each step and would stay
// subnormal for good, for which many processors take a hundred times as long. It becomes 0 instead.
template <class T>
T without_subnormals(T x) {
  return std::abs(x) < std::numeric_limits<T>::min() ? T(0) : x;
}

template <class T>
struct Sgd {
  T lr, momentum, undamped, weight_decay;
  bool nesterov, first;

  explicit Sgd(const SgdParams& p)
      : lr(static_cast<T>(p.lr)),
        momentum(static_cast<T>(p.momentum)),
        undamped(static_cast<T>(1 - p.dampening)),
        weight_decay(static_cast<T>(p.weight_decay)),
        nesterov(p.nesterov),
        first(p.first) {}

  void plain(T* __restrict w, const T* __restrict g, std::int64_t n) const {
    for (std::int64_t i = 0; i < n; ++i) w[i] -= lr * (g[i] + weight_decay * w[i]);
  }

  template <bool kNesterov, bool kFirst>
  void with_momentum(T* __restrict w, T* __restrict m, const T* __restrict g, std::int64_t n) const {
    for (std::int64_t i = 0; i < n; ++i) {
      const T d = g[i] + weight_decay * w[i];
      m[i] = without_subnormals(kFirst ? d : momentum * m[i] + undamped * d);
      w[i] -= lr * (kNesterov ? d + momentum * m[i] : m[i]);
    }
  }

  void with_momentum(T* w, T* m, const T* g, std::int64_t n) const {
    if (nesterov) {
      first ? with_momentum<true, true>(w, m, g, n) : with_momentum<true, false>(w, m, g, n);
    } else {
      first ? with_momentum<false, true>(w, m, g, n) : with_momentum<false, false>(w, m, g, n);
    }
  }
};

// torch.optim.AdamW (Loshchilov & Hutter 2019, algorithm 2, with the decay scaled by lr):
//   m = beta1 * m + (1 - beta1) * g
//   v = beta2 * v + (1 - beta2) * g^2
//   w = (1 - lr * weight_decay) * w - lr / correction1 * m / (sqrt(v) / sqrt(correction2) + eps)
template <class T>
struct AdamW {
  T decay, rate1, beta2, rate2, eps, step_size, root2;

  explicit AdamW(const AdamWParams& p)
      : decay(static_cast<T>(1 - p.lr * p.weight_decay)),
        rate1(static_cast<T>(1 - p.beta1)),
        beta2(static_cast<T>(p.beta2)),
        rate2(static_cast<T>(1 - p.beta2)),
        eps(static_cast<T>(p.eps)),
        step_size(static_cast<T>(p.lr / p.correction1)),
        root2(static_cast<T>(std::sqrt(p.correction2))) {}

  void step(T* __restrict w, T* __restrict m, T* __restrict v, const T* __restrict g, std::int64_t n) const {
    for (std::int64_t i = 0; i < n; ++i) {
      m[i] = without_subnormals(m[i] + rate1 * (g[i] - m[i]));
      v[i] = without_subnormals(beta2 * v[i] + rate2 * g[i] * g[i]);
      w[i] = decay * w[i] - step_size * (m[i] / (std::sqrt(v[i]) / root2 + eps));
    }
  }
};

}  // namespace

void sgd_step(View w, View momentum, ConstView g, SgdParams p) {
  with_floating(w.dtype, [&](auto zero) {
    using T = decltype(zero);
    const Sgd<T> sgd(p);
    parallel_for(w.numel(), kElementGrain, [&](std::int64_t begin, std::int64_t end) {
      T* weights = w.as<T>() + begin;
      const T* gradient = g.as<T>() + begin;
      if (present(momentum)) {
        sgd.with_momentum(weights, momentum.as<T>() + begin, gradient, end - begin);
      } else {
        sgd.plain(weights, gradient, end - begin);
      }
    });
  });
}

void adamw_step(View w, View m, View v, ConstView g, AdamWParams p) {
  with_floating(w.dtype, [&](auto zero) {
    using T = decltype(zero);
    const AdamW<T> adamw(p);
    parallel_for(w.numel(), kElementGrain / 4, [&](std::int64_t begin, std::int64_t end) {
      adamw.step(w.as<T>() + begin, m.as<T>() + begin, v.as<T>() + begin, g.as<T>() + begin, end - begin);
    });
  });
}

}  // namespace thaw::cpu
