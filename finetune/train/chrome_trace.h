// ChromeTrace: the kernels of one training step on a time line, as a file that chrome://tracing and
// https://ui.perfetto.dev open. Written in the JSON form of the Trace Event Format
// (https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/trace.h"
#include "finetune/common/clock.h"
#include "kernels/kernel.h"

namespace thaw {

// Keeps the kernels that it hears of between begin() and the next end(); after that, nothing more.
class ChromeTrace : public KernelObserver {
 public:
  // `update` counts from 1. What an update that never came to its end has left is dropped.
  void begin(std::int64_t update);
  void end();
  bool complete() const { return complete_; }

  void on_kernel(const KernelEvent& event) override;

  // The update in the first row, its kernels in a row for each section of core/trace.h; args of a kernel:
  // module (empty: asked for by none), flops, bytes. Times are microseconds since begin(). For a complete
  // one.
  std::string json() const;

 private:
  struct Kernel {
    KernelEvent event;
    TraceState asked_by;
  };

  std::int64_t update_ = 0;
  Clock::time_point begin_, end_;
  std::vector<Kernel> kernels_;
  bool complete_ = false;
};

}  // namespace thaw
