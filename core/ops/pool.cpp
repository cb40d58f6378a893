// Pooling over images [N, C, H, W], and over sequences [N, C, L] as images of height 1.
#include <limits>

#include "core/autograd.h"
#include "core/ops.h"

namespace thaw {
namespace {

void check_input(const char* op, const Tensor& x, int spatial) {
  check_floating(op, x);
  if (x.rank() != spatial + 2)
    fail('[', op, "] needs x ", spatial == 1 ? "[N, C, L]" : "[N, C, H, W]", ", got ", x.shape());
  for (int d = 2; d < x.rank(); ++d)
    if (x.size(d) == 0) fail('[', op, "] has nothing to pool: x ", x.shape());
}

// Every window must overlap the input, which limits the padding:
//   size = floor((x + 2 * padding - window) / stride) + 1
Shape pool_shape(const char* op, const Tensor& x, const PoolParams& p, int spatial) {
  check_input(op, x, spatial);
  Shape shape = x.shape();
  for (int d = 0; d < spatial; ++d) {
    const int i = 2 - spatial + d;
    if (p.size[i] < 1 || p.stride[i] < 1 || p.padding[i] < 0 || p.padding[i] > p.size[i] / 2)
      fail('[', op, "] size ", p.size[i], ", stride ", p.stride[i], ", padding ", p.padding[i],
           ": size and stride start at 1, and the padding is at most half the size");
    const std::int64_t padded = x.size(2 + d) + 2 * p.padding[i];
    if (p.size[i] > padded)
      fail('[', op, "] the window does not fit the padded input: x ", x.shape(), ", size ", p.size[i],
           ", padding ", p.padding[i]);
    shape[2 + d] = (padded - p.size[i]) / p.stride[i] + 1;
  }
  return shape;
}

PoolParams along_width(std::int64_t size, std::int64_t stride, std::int64_t padding) {
  PoolParams p;
  p.size[0] = p.stride[0] = 1;
  p.size[1] = size;
  p.stride[1] = stride;
  p.padding[1] = padding;
  return p;
}

Tensor dense(const Tensor& x) { return contiguous(x.detach()); }

Tensor avg_pool2d_vjp(const Tensor& dy, const Shape& x_shape, const PoolParams& p) {
  Tensor dx = empty(x_shape, like(dy));
  const Tensor dense_dy = dense(dy);
  kernels::avg_pool2d_vjp(dx, dense_dy, p);
  return record("avg_pool2d_vjp", dx,
                wrt(dy, {}, [p](const Tensor& g, const Saved&) { return avg_pool2d(g, p); }));
}

Tensor adaptive_avg_pool2d_vjp(const Tensor& dy, const Shape& x_shape) {
  Tensor dx = empty(x_shape, like(dy));
  const Tensor dense_dy = dense(dy);
  kernels::adaptive_avg_pool2d_vjp(dx, dense_dy);
  return record("adaptive_avg_pool2d_vjp", dx,
                wrt(dy, {}, [height = dy.size(2), width = dy.size(3)](const Tensor& g, const Saved&) {
                  return adaptive_avg_pool2d(g, height, width);
                }));
}

}  // namespace

// Maximum over each window. Padding counts as -inf, and NaN as the largest.
//   y[window] = max_{pixel in window} x[pixel]
//   dx[pixel] = sum_{windows with their maximum at pixel} dy[window]
Tensor max_pool2d(const Tensor& x, const PoolParams& p) {
  const Shape shape = pool_shape("max_pool2d", x, p, 2);
  if (x.size(2) > std::numeric_limits<std::int32_t>::max() / x.size(3))
    fail("[max_pool2d] an image of 2^31 or more pixels cannot be indexed: x ", x.shape());
  Tensor y = empty(shape, like(x));
  Tensor index = empty(shape, like(x, DType::i32));
  const Tensor dense_x = dense(x);
  kernels::max_pool2d(y, index, dense_x, p);
  return record("max_pool2d", y,
                wrt_fused(x, {index}, [x_shape = x.shape()](const Tensor& dy, const Saved& s) {
                  Tensor dx = empty(x_shape, like(dy));
                  const Tensor dense_dy = dense(dy);
                  const Tensor at = s[0];
                  kernels::max_pool2d_vjp(dx, dense_dy, at);
                  return dx;
                }));
}

// Mean over each window, over its padding too with count_include_pad:
//   y[window] = sum_{pixel in window} x[pixel] / size(window)
//   dx[pixel] = sum_{windows with pixel} dy[window] / size(window)
Tensor avg_pool2d(const Tensor& x, const PoolParams& p) {
  Tensor y = empty(pool_shape("avg_pool2d", x, p, 2), like(x));
  const Tensor dense_x = dense(x);
  kernels::avg_pool2d(y, dense_x, p);
  return record("avg_pool2d", y, wrt(x, {}, [p, shape = x.shape()](const Tensor& dy, const Saved&) {
                  return avg_pool2d_vjp(dy, shape, p);
                }));
}

// Mean over height x width windows that cover the image. Row i of the output covers the rows
//   [floor(i * H / height), ceil((i + 1) * H / height))
// and columns likewise. dx is that of avg_pool2d.
Tensor adaptive_avg_pool2d(const Tensor& x, std::int64_t height, std::int64_t width) {
  check_input("adaptive_avg_pool2d", x, 2);
  if (height < 1 || width < 1)
    fail("[adaptive_avg_pool2d] the output size ", height, " x ", width, " must be at least 1 x 1");
  Tensor y = empty({x.size(0), x.size(1), height, width}, like(x));
  const Tensor dense_x = dense(x);
  kernels::adaptive_avg_pool2d(y, dense_x);
  return record("adaptive_avg_pool2d", y, wrt(x, {}, [shape = x.shape()](const Tensor& dy, const Saved&) {
                  return adaptive_avg_pool2d_vjp(dy, shape);
                }));
}

Tensor max_pool1d(const Tensor& x, std::int64_t size, std::int64_t stride, std::int64_t padding) {
  const PoolParams p = along_width(size, stride, padding);
  pool_shape("max_pool1d", x, p, 1);
  return squeeze(max_pool2d(unsqueeze(x, 2), p), 2);
}

Tensor avg_pool1d(const Tensor& x, std::int64_t size, std::int64_t stride, std::int64_t padding) {
  const PoolParams p = along_width(size, stride, padding);
  pool_shape("avg_pool1d", x, p, 1);
  return squeeze(avg_pool2d(unsqueeze(x, 2), p), 2);
}

Tensor adaptive_avg_pool1d(const Tensor& x, std::int64_t length) {
  check_input("adaptive_avg_pool1d", x, 1);
  if (length < 1) fail("[adaptive_avg_pool1d] the output length ", length, " must be at least 1");
  return squeeze(adaptive_avg_pool2d(unsqueeze(x, 2), 1, length), 2);
}

}  // namespace thaw
