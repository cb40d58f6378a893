// Losses, as torch.nn.functional defines them.
#include "core/autograd.h"
#include "core/ops.h"

namespace thaw {
namespace {

Tensor reduce(const Tensor& loss, Reduction reduction) {
  if (reduction == Reduction::none) return loss;
  return reduction == Reduction::sum ? sum(loss) : mean(loss);
}

void check_pair(const char* op, const Tensor& x, const Tensor& target) {
  check_floating(op, x);
  check_same_kind(op, {&x, &target});
  if (!(x.shape() == target.shape()))
    fail('[', op, "] shapes differ: input ", x.shape(), " and target ", target.shape());
}

// The lowest target if it is negative, else the highest: if any target is out of range, this one is.
std::int64_t likeliest_to_be_bad(const Tensor& target) {
  Tensor range = empty({2}, like(target));
  kernels::index_range(range, target);
  const std::int64_t* low_high = std::as_const(range).data<std::int64_t>();
  return low_high[0] < 0 ? low_high[0] : low_high[1];
}

// Every target must be a class or ignore_index.
void check_targets(const Tensor& logits, const Tensor& target, std::int64_t ignore_index) {
  if (target.numel() == 0 || target.device().kind == DeviceKind::meta) return;
  const NoGrad no_grad;
  const std::int64_t classes = logits.size(1);
  const auto is_class = [classes](std::int64_t t) { return t >= 0 && t < classes; };
  if (is_class(likeliest_to_be_bad(target))) return;
  const Tensor ignored = eq(target, full({}, static_cast<double>(ignore_index), like(target)));
  const std::int64_t bad = likeliest_to_be_bad(where(ignored, zeros({}, like(target)), target));
  if (!is_class(bad))
    fail("[cross_entropy] target ", bad, " is no class: logits ", logits.shape(), " have ", classes,
         " classes, so targets are 0 to ", classes - 1, " or ignore_index ", ignore_index);
}

void check_cross_entropy(const Tensor& logits, const Tensor& target, const CrossEntropyOptions& options) {
  check_floating("cross_entropy", logits);
  if (target.dtype() != DType::i64)
    fail("[cross_entropy] targets are class indices of dtype i64, not ", dtype_name(target.dtype()));
  Shape expected = logits.shape();
  if (logits.rank() >= 1) expected.erase(logits.rank() == 1 ? 0 : 1);
  if (logits.rank() == 0 || !(target.shape() == expected))
    fail("[cross_entropy] logits are [C] or [N, C, ..] and targets the same without C; got logits ",
         logits.shape(), " and target ", target.shape());
  const std::int64_t classes = logits.size(logits.rank() == 1 ? 0 : 1);
  const Tensor& weight = options.weight;
  check_same_kind("cross_entropy", {&logits, &weight});
  if (weight.defined() && !(weight.shape() == Shape{classes}))
    fail("[cross_entropy] the class weights have shape ", weight.shape(), ", ", classes, " classes need [",
         classes, ']');
  if (!(options.label_smoothing >= 0 && options.label_smoothing <= 1))
    fail("[cross_entropy] label_smoothing is ", options.label_smoothing, ", it must be in [0, 1]");
}

// The op itself, on logits [N, C] and targets [N], with target distribution q:
//   q[n, c] = weight[c] * ((1 - smoothing) * [c = target[n]] + smoothing / C)
//   loss[n] = -sum_c(q[n, c] * log_softmax(logits[n])[c])
//   dlogits[n, c] = dloss[n] * (sum(q[n]) * softmax(logits[n])[c] - q[n, c])
// Ignored rows have loss 0 and gradient 0. The mean divides by the weights of the other rows' targets:
//   mean = sum_n(loss[n]) / sum_n(weight[target[n]])
Tensor cross_entropy_rows(const Tensor& logits, const Tensor& target, const Tensor& weight,
                          CrossEntropyParams params, Reduction reduction) {
  check_targets(logits, target, params.ignore_index);
  const Options options = like(logits);
  Tensor loss = empty({logits.size(0)}, options);
  Tensor row_weight = empty({logits.size(0)}, options);
  Tensor lse = empty({logits.size(0)}, options);
  kernels::cross_entropy(loss, row_weight, lse, logits, target, weight, params);

  Tensor y = loss;
  Tensor total_weight;
  if (reduction != Reduction::none) {
    y = empty({}, options);
    kernels::sum(y, std::as_const(loss), 1);
  }
  if (reduction == Reduction::mean) {
    total_weight = empty({}, options);
    kernels::sum(total_weight, std::as_const(row_weight), 1);
    kernels::div(y, std::as_const(y), std::as_const(total_weight));
  }
  return record("cross_entropy", y,
                wrt_fused(logits, {logits, lse, target, weight, total_weight},
                          [params](const Tensor& dy, const Saved& s) {
                            const Tensor scale = s[4].defined() ? dy / s[4] : dy;
                            Tensor dlogits = empty(s[0].shape(), like(dy));
                            kernels::cross_entropy_vjp(dlogits, contiguous(expand(scale, s[1].shape())), s[0],
                                                       s[1], s[2], s[3], params);
                            return dlogits;
                          }));
}

}  // namespace

Tensor cross_entropy(const Tensor& logits, const Tensor& target, const CrossEntropyOptions& options) {
  check_cross_entropy(logits, target, options);
  // One row of C logits per target: the class dimension goes last.
  Tensor rows = logits.rank() == 1 ? unsqueeze(logits, 0) : logits;
  if (rows.rank() > 2) {
    std::vector<int> order = {0};
    for (int d = 2; d < rows.rank(); ++d) order.push_back(d);
    order.push_back(1);
    rows = permute(rows, order);
  }
  rows = contiguous(reshape(rows, {target.numel(), rows.size(-1)}));
  const CrossEntropyParams params{options.label_smoothing, options.ignore_index};
  const Tensor weight = options.weight.defined() ? contiguous(options.weight.detach()) : Tensor();
  const Tensor loss = cross_entropy_rows(rows, contiguous(reshape(target, {target.numel()})), weight, params,
                                         options.reduction);
  return options.reduction == Reduction::none ? reshape(loss, target.shape()) : loss;
}

// Squared error:
//   y = (x - target)^2
Tensor mse_loss(const Tensor& x, const Tensor& target, Reduction reduction) {
  check_pair("mse_loss", x, target);
  return reduce(square(x - target), reduction);
}

// Binary cross-entropy of the logits x, in a form that does not overflow:
//   y = max(x, 0) - x * target + ln(1 + e^-|x|)
//   dx = dy * (sigmoid(x) - target)
//   dtarget = -dy * x
Tensor bce_with_logits(const Tensor& x, const Tensor& target, Reduction reduction) {
  check_pair("bce_with_logits", x, target);
  Tensor y = empty(x.shape(), like(x));
  kernels::bce_logits(y, x, target);
  y = record(
      "bce_with_logits", y,
      wrt(x, {x, target}, [](const Tensor& dy, const Saved& s) { return dy * (sigmoid(s[0]) - s[1]); }),
      wrt(target, {x}, [](const Tensor& dy, const Saved& s) { return neg(dy * s[0]); }));
  return reduce(y, reduction);
}

}  // namespace thaw
