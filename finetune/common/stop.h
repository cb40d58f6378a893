// A request to stop: whoever may ask owns it, whoever works looks at it between two steps.
#pragma once

#include <csignal>

namespace thaw {

class StopToken {
 public:
  // A signal handler may call it.
  void request(int signal) { signal_ = signal; }
  bool requested() const { return signal_ != 0; }
  int signal() const { return signal_; }

 private:
  volatile std::sig_atomic_t signal_ = 0;
};

// Null: nobody can ask.
inline bool stop_requested(const StopToken* stop) { return stop != nullptr && stop->requested(); }

}  // namespace thaw
