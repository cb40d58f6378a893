// What an op costs beside its arithmetic: forward and backward of a chain of 100 multiplications and
// additions on 4 elements. Serves blocks of steps like bench_step (timing.h), so that a peer can take turns
// with it.
#include <CLI/CLI.hpp>
#include <iostream>

#include "bench/timing.h"
#include "core/ops.h"
#include "kernels/kernels.h"
#include "kernels/memory.h"

namespace thaw::bench {
namespace {

constexpr int kOps = 100;

// With `both`, the second operands want gradients as well: two edges an op.
class Chain {
 public:
  explicit Chain(bool both) {
    x_.set_requires_grad();
    scale_.set_requires_grad(both);
    shift_.set_requires_grad(both);
  }

  double step() {
    for (Tensor* leaf : {&x_, &scale_, &shift_}) leaf->clear_grad();
    Tensor y = x_;
    for (int i = 0; i < kOps / 2; ++i) y = y * scale_ + shift_;
    y.backward(dy_);
    return 0;
  }

 private:
  Tensor x_ = ones({4});
  Tensor scale_ = full({4}, 0.99);
  Tensor shift_ = full({4}, 0.01);
  Tensor dy_ = ones({4});
};

}  // namespace
}  // namespace thaw::bench

int main(int argc, char** argv) {
  bool both = false;
  CLI::App app("Serves steps of a chain of 100 tiny ops, forward and backward.");
  app.add_flag("--both", both, "both operands of each op want a gradient");
  CLI11_PARSE(app, argc, argv);
  thaw::set_num_threads(1);
  thaw::bench::Chain chain(both);
  thaw::bench::serve([&] { return chain.step(); }, [] { return thaw::memory::usage(thaw::kCpu).total_peak; });
}
