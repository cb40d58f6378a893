// Depthwise convolution: each channel by itself, with one filter of its own. As a matrix product it would have one row.
#pragma once

#include "kernels/cpu/conv_slab.h"

namespace thaw::cpu {

// Where Correlation::is_depthwise(). Each output is one chain of multiply-adds over the taps, as in a product.
void correlate_depthwise(const Correlation<float>& p);
void correlate_depthwise(const Correlation<double>& p);

// The gradient of a depthwise convolution with respect to its filters [channels, 1, kernel_h, kernel_w].
void depthwise_vjp_w(const View& dw, const ConstView& dy, const ConstView& x, const ConvParams& params);

}  // namespace thaw::cpu
