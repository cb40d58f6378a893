// The loss of connectionist temporal classification.
#include "kernels/ctc.h"
#include "core/autograd.h"
#include "core/ops.h"

namespace thaw {
namespace {

void check_indices(const Tensor& x, const char* what) {
  if (x.dtype() != DType::i64 || x.rank() != 1)
    fail("[ctc_loss] ", what, " are i64 of one dimension, not ", dtype_name(x.dtype()), ' ', x.shape());
}

const std::int64_t* begin_of(const Tensor& x) { return x.data<std::int64_t>(); }

void check_counts(const Tensor& counts, std::int64_t total, const char* what) {
  std::int64_t sum = 0;
  for (std::int64_t i = 0; i < counts.numel(); ++i) {
    const std::int64_t count = begin_of(counts)[i];
    if (count < 0) fail("[ctc_loss] sample ", i, " has ", count, ' ', what);
    sum += count;
  }
  if (sum != total)
    fail("[ctc_loss] the samples have ", sum, ' ', what, ", but there are ", total, " of them");
}

void check_targets(const Tensor& targets, std::int64_t classes, std::int64_t blank) {
  for (std::int64_t i = 0; i < targets.numel(); ++i) {
    const std::int64_t target = begin_of(targets)[i];
    if (target < 0 || target >= classes || target == blank)
      fail("[ctc_loss] target ", target, " is no class: they are 0 to ", classes - 1, ", without the blank, ",
           blank);
  }
}

// Each sequence needs a frame for each class, and one between two that are equal.
void check_possible(const Tensor& frames, const Tensor& targets, const Tensor& lengths) {
  const std::int64_t* target = begin_of(targets);
  for (std::int64_t i = 0; i < frames.numel(); ++i) {
    const std::int64_t length = begin_of(lengths)[i], there = begin_of(frames)[i];
    const std::int64_t least = least_ctc_frames({target, static_cast<std::size_t>(length)});
    if (there < least)
      fail("[ctc_loss] sample ", i, " has ", there, " frames for ", length, " targets that need ", least,
           "; leave it out, or set zero_infinity");
    target += length;
  }
}

void check_ctc(const Tensor& logits, const Tensor& frames, const Tensor& targets, const Tensor& lengths,
               const CtcOptions& options) {
  check_floating("ctc_loss", logits);
  check_indices(frames, "frames");
  check_indices(targets, "targets");
  check_indices(lengths, "lengths");
  if (logits.rank() != 2) fail("[ctc_loss] logits are [frames, classes], not ", logits.shape());
  if (frames.numel() != lengths.numel())
    fail("[ctc_loss] frames are of ", frames.numel(), " samples and lengths of ", lengths.numel());
  const std::int64_t classes = logits.size(1);
  if (options.blank < 0 || options.blank >= classes)
    fail("[ctc_loss] the blank is ", options.blank, ", classes are 0 to ", classes - 1);
  if (logits.device().kind == DeviceKind::meta) return;
  check_counts(frames, logits.size(0), "frames");
  check_counts(lengths, targets.numel(), "targets");
  check_targets(targets, classes, options.blank);
  if (!options.zero_infinity) check_possible(frames, targets, lengths);
}

}  // namespace

// With p the probability of a sample's sequence, summed over all ways to spread it over the frames,
//   loss = -ln p
//   dlogits[t, c] = dloss * (softmax(logits[t])[c] - P(frame t gives c, given the sequence))
Tensor ctc_loss(const Tensor& logits, const Tensor& frames, const Tensor& targets, const Tensor& lengths,
                const CtcOptions& options) {
  const Tensor x = contiguous(logits), n = contiguous(frames), t = contiguous(targets),
               m = contiguous(lengths);
  check_ctc(x, n, t, m, options);
  const CtcParams params{options.blank, options.zero_infinity};
  Tensor loss = empty({frames.numel()}, like(x));
  kernels::ctc_loss(loss, x, n, t, m, params);
  loss = record("ctc_loss", loss, wrt_fused(x, {x, n, t, m}, [params](const Tensor& dloss, const Saved& s) {
                  Tensor dx = empty(s[0].shape(), like(dloss));
                  kernels::ctc_loss_vjp(dx, contiguous(dloss), s[0], s[1], s[2], s[3], params);
                  return dx;
                }));
  if (options.reduction == Reduction::none) return loss;
  if (options.reduction == Reduction::sum) return sum(loss);
  return mean(loss / clamp(cast(m, loss.dtype()), 1, 1e9));
}

}  // namespace thaw
