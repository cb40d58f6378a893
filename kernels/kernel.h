// Kernel: one device operation. A call dispatches on the device of its first argument, the output (of the
// first output that is present, where outputs may be absent).
//
// This is the one place where the meta device counts instead of computing, and where timing and tracing
// attach.
#pragma once

#include <cassert>
#include <chrono>
#include <cstdint>
#include <type_traits>

#include "kernels/view.h"

namespace thaw {

// What one kernel call did, or on the meta device would have done.
struct KernelEvent {
  const char* name;
  double flops;    // floating-point operations by the kernel's cost rule
  double bytes;    // distinct bytes read and written
  double seconds;  // 0 on the meta device
  Device device;
  std::chrono::steady_clock::time_point start;  // the epoch on the meta device
};

class KernelObserver {
 public:
  virtual ~KernelObserver() = default;
  virtual void on_kernel(const KernelEvent& event) = 0;
};

// The observer of this thread, or null. A kernel is called from one thread and uses the others inside.
inline thread_local KernelObserver* kernel_observer = nullptr;

// While it lives, nobody observes this thread's kernels.
class Unobserved {
 public:
  Unobserved() : observer_(kernel_observer) { kernel_observer = nullptr; }
  ~Unobserved() { kernel_observer = observer_; }
  Unobserved(const Unobserved&) = delete;
  Unobserved& operator=(const Unobserved&) = delete;

 private:
  KernelObserver* observer_;
};

// Views that a kernel takes: strided ones (kernels.h says of which arguments), or contiguous ones alone.
enum class Views : std::uint8_t { strided, dense };

template <class Signature>
class Kernel;

template <class... Args>
class Kernel<void(Args...)> {
 public:
  using Function = void (*)(Args...);
  using Flops = double (*)(Args...);

  // `flops_per_element`: per element of the largest view among the arguments.
#if THAW_HAS_CUDA
  constexpr Kernel(const char* name, Views views, Function cpu, Function cuda, double flops_per_element)
      : name_(name), views_(views), cpu_(cpu), cuda_(cuda), flops_per_element_(flops_per_element) {}
  constexpr Kernel(const char* name, Views views, Function cpu, Function cuda, Flops flops)
      : name_(name), views_(views), cpu_(cpu), cuda_(cuda), flops_(flops) {}
#else
  constexpr Kernel(const char* name, Views views, Function cpu, double flops_per_element)
      : name_(name), views_(views), cpu_(cpu), flops_per_element_(flops_per_element) {}
  constexpr Kernel(const char* name, Views views, Function cpu, Flops flops)
      : name_(name), views_(views), cpu_(cpu), flops_(flops) {}
#endif

  void operator()(Args... args) const {
    assert(views_ == Views::strided || (is_dense(args) && ...));
    const Device device = first_present(args...).device;
    if (kernel_observer != nullptr) [[unlikely]]
      return observe(device, args...);
    if (device.kind != DeviceKind::meta) run(device, args...);
  }

 private:
  template <class First, class... Rest>
  static const Layout& first_present(const First& view, const Rest&... rest) {
    if constexpr (sizeof...(Rest) > 0 && (std::is_base_of_v<Layout, Rest> || ...))
      if (!present(view)) return first_present(rest...);
    return view;
  }

  void run([[maybe_unused]] Device device, Args... args) const {
#if THAW_HAS_CUDA
    if (device.kind == DeviceKind::cuda) return cuda_(args...);
#endif
    cpu_(args...);
  }

  void observe(Device device, Args... args) const {
    KernelEvent event{
        name_, flops_ ? flops_(args...) : flops_per_element_ * largest(args...), 0.0, 0.0, device, {}};
    (add_bytes(event.bytes, args), ...);
    if (device.kind != DeviceKind::meta) {
      event.start = std::chrono::steady_clock::now();
      run(device, args...);
      event.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - event.start).count();
    }
    kernel_observer->on_kernel(event);
  }

  template <class Arg>
  static bool is_dense(const Arg& arg) {
    if constexpr (std::is_base_of_v<Layout, Arg>) return !present(arg) || arg.contiguous();
    return true;
  }

  template <class Arg>
  static void add_bytes(double& bytes, const Arg& arg) {
    if constexpr (std::is_base_of_v<Layout, Arg>)
      if (present(arg)) bytes += static_cast<double>(arg.distinct() * dtype_bytes(arg.dtype));
  }

  static double largest(const Args&... args) {
    double n = 0;
    auto see = [&n](const auto& arg) {
      if constexpr (std::is_base_of_v<Layout, std::decay_t<decltype(arg)>>)
        if (present(arg) && static_cast<double>(arg.numel()) > n) n = static_cast<double>(arg.numel());
    };
    (see(args), ...);
    return n;
  }

  const char* name_;
  [[maybe_unused]] Views views_;
  Function cpu_;
#if THAW_HAS_CUDA
  Function cuda_;
#endif
  Flops flops_ = nullptr;
  double flops_per_element_ = 0;
};

}  // namespace thaw
