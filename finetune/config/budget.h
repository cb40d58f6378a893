// Budgets: what every strategy of a comparison may spend.
#pragma once

#include <string>

namespace thaw {

struct Budget {
  enum class Kind {
    epochs,       // what [train] says
    seconds,      // of training, evaluation apart
    flops,        // of training
    bytes,        // peak of a step's saved activations, gradients and optimizer state
    convergence,  // until the validation metric stops improving, at most ten times the epochs of [train]
  };
  Kind kind = Kind::epochs;
  double amount = 0;
};

// "epochs", "60s", "flops=1e12", "bytes=2e9", "convergence". InputError for anything else.
Budget parse_budget(const std::string& text);

}  // namespace thaw
