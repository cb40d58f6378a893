// A length of training, as a config says it: "1 epoch", "100 steps", "0.1 run" or "never".
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "finetune/plan/plan.h"

namespace thaw {

struct Period {
  enum class Unit { never, epochs, steps, runs };
  Unit unit = Unit::never;
  double amount = 0;  // above 0, whole for steps

  bool operator==(const Period& other) const { return unit == other.unit && amount == other.amount; }
  // In updates: at least 1; 0 for never.
  std::int64_t updates(const RunLength& run) const;
};

// Nothing for a text that is none: "often", "0 epochs", "1.5 steps".
std::optional<Period> parse_period(const std::string& text);
std::string to_text(const Period& period);

}  // namespace thaw
