// Connectionist temporal classification (Graves et al. 2006): the probability that frames which each give a class or a
// blank spell a sequence, whichever frames its classes fall on. The states s are the sequence with blanks around and
// between its classes; p(t, s) is frame t's softmax of the state's class (their section 4.1):
//   alpha(t, s) = p(t, s) * (alpha(t-1, s) + alpha(t-1, s-1) + alpha(t-1, s-2))
//   beta(t, s)  = sum of p(t+1, r) * beta(t+1, r) over r = s, s+1, s+2
// A step of two leads only to a class that differs from the one before. Logarithms in f64 throughout: over hundreds of
// frames the probabilities leave the range of f32.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/cpu/lanes.h"
#include "kernels/ctc.h"
#include "kernels/kernels.h"

namespace thaw::cpu {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();

double log_add(double a, double b) {
  const double most = std::max(a, b), least = std::min(a, b);
  return least == kNever ? most : most + std::log1p(std::exp(least - most));
}

// The states of one sample's sequence.
struct States {
  const std::int64_t* target;
  std::int64_t length, blank;

  std::int64_t count() const { return 2 * length + 1; }
  std::int64_t class_of(std::int64_t s) const { return s % 2 == 0 ? blank : target[s / 2]; }
  bool skips_to(std::int64_t s) const { return s % 2 == 1 && s >= 3 && target[s / 2] != target[s / 2 - 1]; }
  std::int64_t least_frames() const { return least_ctc_frames({target, static_cast<std::size_t>(length)}); }
};

// One sample: its logits x [frames, classes] and its sequence, with memory for the numbers of all frames.
template <class T>
class Alignment {
 public:
  Alignment(const T* x, std::int64_t frames, std::int64_t classes, const States& states, double* memory)
      : x_(x), frames_(frames), classes_(classes), states_(states), lse_(memory), alpha_(memory + frames) {
    for (std::int64_t t = 0; t < frames; ++t) lse_[t] = logsumexp(x + t * classes);
  }
  // Of doubles that it takes.
  static std::int64_t memory(std::int64_t frames, const States& states) {
    return frames * (1 + states.count());
  }

  // Fills alpha. Returns -ln of the sequence's probability.
  double forward() const {
    if (frames_ == 0) return states_.length == 0 ? 0 : -kNever;
    const std::int64_t n = states_.count();
    for (std::int64_t s = 0; s < n; ++s) alpha_[s] = s < 2 ? log_p(0, s) : kNever;
    for (std::int64_t t = 1; t < frames_; ++t) {
      const double* before = alpha_ + (t - 1) * n;
      for (std::int64_t s = 0; s < n; ++s) {
        double sum = before[s];
        if (s > 0) sum = log_add(sum, before[s - 1]);
        if (states_.skips_to(s)) sum = log_add(sum, before[s - 2]);
        alpha_[t * n + s] = sum + log_p(t, s);
      }
    }
    const double* last = alpha_ + frames_ * n;
    return -(n > 1 ? log_add(last[-1], last[-2]) : last[-1]);
  }

  // dx(t, c) = dloss * (softmax(t, c) - sum of alpha(t, s) * beta(t, s) / probability over the states s of c)
  // `beta`: two rows of states. `share`: a number for each class.
  void backward(double loss, double dloss, double* beta, double* share, T* dx) const {
    const std::int64_t n = states_.count();
    double* after = beta + n;  // beta of the frame behind, with its p
    for (std::int64_t s = 0; s < n; ++s) beta[s] = s + 2 >= n ? 0 : kNever;
    for (std::int64_t t = frames_ - 1; t >= 0; --t) {
      if (t < frames_ - 1) step_back(after, beta);
      std::fill_n(share, classes_, 0.0);
      for (std::int64_t s = 0; s < n; ++s) {
        share[states_.class_of(s)] += std::exp(alpha_[t * n + s] + beta[s] + loss);
        after[s] = beta[s] + log_p(t, s);
      }
      for (std::int64_t c = 0; c < classes_; ++c)
        dx[t * classes_ + c] = static_cast<T>(dloss * (std::exp(log_softmax(t, c)) - share[c]));
    }
  }

 private:
  double logsumexp(const T* row) const {
    const double most = max_row(row, classes_);
    double total = 0;
    for (std::int64_t c = 0; c < classes_; ++c) total += std::exp(static_cast<double>(row[c]) - most);
    return most + std::log(total);
  }
  double log_softmax(std::int64_t t, std::int64_t c) const {
    return static_cast<double>(x_[t * classes_ + c]) - lse_[t];
  }
  double log_p(std::int64_t t, std::int64_t s) const { return log_softmax(t, states_.class_of(s)); }

  void step_back(const double* after, double* beta) const {
    const std::int64_t n = states_.count();
    for (std::int64_t s = 0; s < n; ++s) {
      double sum = after[s];
      if (s + 1 < n) sum = log_add(sum, after[s + 1]);
      if (s + 2 < n && states_.skips_to(s + 2)) sum = log_add(sum, after[s + 2]);
      beta[s] = sum;
    }
  }

  const T* x_;
  std::int64_t frames_, classes_;
  const States& states_;
  double *lse_, *alpha_;  // [frames], [frames, states]
};

// Whether the frames cannot spell the sequence, whose loss then counts as zero: known before memory is taken for it.
bool is_out_of_reach(const CtcParams& p, const States& states, std::int64_t frames) {
  return p.zero_infinity && frames < states.least_frames();
}
bool counts_as_zero(const CtcParams& p, double loss) { return p.zero_infinity && std::isinf(loss); }

// Calls f(sample, its first frame, its frames, its states) for each.
template <class F>
void for_each_sample(ConstView frames, ConstView targets, ConstView lengths, const CtcParams& p, const F& f) {
  const std::int64_t samples = frames.numel();
  const memory::Scratch scratch(kCpu, 2 * samples * static_cast<std::int64_t>(sizeof(std::int64_t)));
  auto* first_frame = scratch.as<std::int64_t>();
  auto* first_target = first_frame + samples;
  std::exclusive_scan(frames.as<std::int64_t>(), frames.as<std::int64_t>() + samples, first_frame,
                      std::int64_t{0});
  std::exclusive_scan(lengths.as<std::int64_t>(), lengths.as<std::int64_t>() + samples, first_target,
                      std::int64_t{0});
  parallel_for(samples, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      f(i, first_frame[i], frames.as<std::int64_t>()[i],
        States{targets.as<std::int64_t>() + first_target[i], lengths.as<std::int64_t>()[i], p.blank});
  });
}

std::int64_t bytes(std::int64_t doubles) { return doubles * static_cast<std::int64_t>(sizeof(double)); }

}  // namespace

void ctc_loss(View loss, ConstView logits, ConstView frames, ConstView targets, ConstView lengths,
              CtcParams p) {
  with_floating(logits.dtype, [&](auto zero) {
    using T = decltype(zero);
    const std::int64_t classes = logits.size[1];
    const auto one = [&](std::int64_t i, std::int64_t first, std::int64_t n, const States& states) {
      loss.as<T>()[i] = 0;
      if (is_out_of_reach(p, states, n)) return;
      const memory::Scratch memory(kCpu, bytes(Alignment<T>::memory(n, states)));
      const Alignment<T> alignment(logits.as<T>() + first * classes, n, classes, states, memory.as<double>());
      if (const double value = alignment.forward(); !counts_as_zero(p, value))
        loss.as<T>()[i] = static_cast<T>(value);
    };
    for_each_sample(frames, targets, lengths, p, one);
  });
}

void ctc_loss_vjp(View dlogits, ConstView dloss, ConstView logits, ConstView frames, ConstView targets,
                  ConstView lengths, CtcParams p) {
  with_floating(logits.dtype, [&](auto zero) {
    using T = decltype(zero);
    const std::int64_t classes = logits.size[1];
    const auto one = [&](std::int64_t i, std::int64_t first, std::int64_t n, const States& states) {
      T* dx = dlogits.as<T>() + first * classes;
      std::fill_n(dx, n * classes, T{0});
      if (is_out_of_reach(p, states, n)) return;
      const std::int64_t own = Alignment<T>::memory(n, states);
      const memory::Scratch memory(kCpu, bytes(own + 2 * states.count() + classes));
      double* beta = memory.as<double>() + own;
      const Alignment<T> alignment(logits.as<T>() + first * classes, n, classes, states, memory.as<double>());
      if (const double value = alignment.forward(); !counts_as_zero(p, value))
        alignment.backward(value, static_cast<double>(dloss.as<T>()[i]), beta, beta + 2 * states.count(), dx);
    };
    for_each_sample(frames, targets, lengths, p, one);
  });
}

}  // namespace thaw::cpu
