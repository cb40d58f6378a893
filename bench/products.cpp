// Matrix products beside those of a BLAS, in one process by turns: OpenBLAS (Debian's libopenblas.so, or the one in
// PyPI's numpy), MKL (libmkl_rt.so), or any library with cblas_sgemm. The shapes are those of MiniLM's layers on 4,096
// tokens and of BERT's on 2,048: y = x w^T and its two gradients.
#include <dlfcn.h>
#include <time.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/timing.h"
#include "core/autograd.h"
#include "core/ops.h"
#include "kernels/kernels.h"

namespace thaw::bench {
namespace {

// cblas.h's values and signature; numpy's OpenBLAS has 64-bit sizes and names of its own.
enum Order { row_major = 101 };
enum Transpose { plain = 111, transposed = 112 };
template <class Int>
using Sgemm = void (*)(Order, Transpose, Transpose, Int, Int, Int, float, const float*, Int, const float*,
                       Int, float, float*, Int);

class Blas {
 public:
  explicit Blas(const std::string& library) : handle_(::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (handle_ == nullptr) throw std::runtime_error(::dlerror());
    small_ = reinterpret_cast<Sgemm<int>>(::dlsym(handle_, "cblas_sgemm"));
    large_ = reinterpret_cast<Sgemm<std::int64_t>>(::dlsym(handle_, "scipy_cblas_sgemm64_"));
    if (small_ == nullptr && large_ == nullptr) throw std::runtime_error("no cblas_sgemm in " + library);
  }

  // y [m, n] = op(a) op(b), of dense row-major matrices.
  void multiply(Transpose of_a, Transpose of_b, std::int64_t m, std::int64_t n, std::int64_t k,
                const Tensor& a, const Tensor& b, Tensor& y) const {
    small_ != nullptr ? call<int>(small_, of_a, of_b, m, n, k, a, b, y)
                      : call<std::int64_t>(large_, of_a, of_b, m, n, k, a, b, y);
  }

 private:
  template <class Int>
  static void call(Sgemm<Int> sgemm, Transpose of_a, Transpose of_b, std::int64_t m, std::int64_t n,
                   std::int64_t k, const Tensor& a, const Tensor& b, Tensor& y) {
    const auto size = [](std::int64_t value) { return static_cast<Int>(value); };
    sgemm(row_major, of_a, of_b, size(m), size(n), size(k), 1, a.data<float>(), size(a.size(1)),
          b.data<float>(), size(b.size(1)), 0, y.data<float>(), size(n));
  }

  void* handle_;
  Sgemm<int> small_;
  Sgemm<std::int64_t> large_;
};

struct Case {
  const char* name;
  std::int64_t m, n, k;
  std::function<Tensor()> thaw;
  std::function<void(Tensor&)> blas;
};

// Seconds of this thread's processor where it works alone, else of the clock.
double now(bool alone) {
  timespec time{};
  ::clock_gettime(alone ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

void compare(const Case& one, int rounds, bool alone) {
  const double flops =
      2.0 * static_cast<double>(one.m) * static_cast<double>(one.n) * static_cast<double>(one.k);
  Tensor theirs = empty({one.m, one.n}, {});
  std::vector<double> ours_rate, blas_rate, ratio;
  double error = 0;
  for (int round = -1; round < rounds; ++round) {  // the first warms up and is checked
    const double start = now(alone);
    const Tensor ours = one.thaw();
    const double middle = now(alone);
    one.blas(theirs);
    const double end = now(alone);
    if (round < 0) {
      error = amax(abs(ours - theirs)).item();
      continue;
    }
    ours_rate.push_back(1e-9 * flops / (middle - start));
    blas_rate.push_back(1e-9 * flops / (end - middle));
    ratio.push_back((end - middle) / (middle - start));
  }
  std::printf(
      "%-4s %5lld x %5lld x %5lld   thaw %6.1f   BLAS %6.1f GFLOP/s   ratio %.3f   largest difference %.1e\n",
      one.name, static_cast<long long>(one.m), static_cast<long long>(one.n), static_cast<long long>(one.k),
      median(ours_rate), median(blas_rate), median(ratio), error);
}

void run(const std::string& library, int threads, int rounds) {
  // The libraries read one or the other when they start.
  for (const char* variable : {"OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"})
    ::setenv(variable, std::to_string(threads).c_str(), 1);
  // Their threads do not wait awake after a product: they would take thaw's processors.
  ::setenv("OPENBLAS_THREAD_TIMEOUT", "4", 1);
  ::setenv("KMP_BLOCKTIME", "0", 1);
  const Blas blas(library);
  set_num_threads(threads);
  const NoGrad no_grad;
  const std::int64_t shapes[][3] = {{4096, 1536, 384}, {4096, 384, 1536}, {4096, 384, 384}, {2048, 768, 768}};
  for (const auto& [tokens, out, in] : shapes) {
    const Tensor x = randn({tokens, in}, {1, 1}), w = randn({out, in}, {1, 2}),
                 dy = randn({tokens, out}, {1, 3});
    const auto t = tokens, o = out, i = in;
    compare({"y", t, o, i, [&] { return linear(x, w); },
             [&](Tensor& y) { blas.multiply(plain, transposed, t, o, i, x, w, y); }},
            rounds, threads == 1);
    compare({"dx", t, i, o, [&] { return matmul(dy, w); },
             [&](Tensor& y) { blas.multiply(plain, plain, t, i, o, dy, w, y); }},
            rounds, threads == 1);
    compare({"dw", o, i, t, [&] { return matmul(dy.transpose(0, 1), x); },
             [&](Tensor& y) { blas.multiply(transposed, plain, o, i, t, dy, x, y); }},
            rounds, threads == 1);
  }
}

}  // namespace
}  // namespace thaw::bench

int main(int argc, char** argv) {
  std::string library = "libopenblas.so.0";
  int threads = 1, rounds = 15;
  CLI::App app(
      "Products of thaw and of a BLAS by turns, in GFLOP/s; the ratio is thaw's speed to the BLAS's.");
  app.add_option("--library", library, "a shared library with cblas_sgemm")->capture_default_str();
  app.add_option("--threads", threads, "1: by this thread's processor time; more: by the clock")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--rounds", rounds, "of which the medians are printed")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  try {
    thaw::bench::run(library, threads, rounds);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_products: error: %s\n", error.what());
    return 2;
  }
}
