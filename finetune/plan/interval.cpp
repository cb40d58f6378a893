#include "finetune/plan/interval.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/error.h"
#include "finetune/plan/plan.h"

namespace thaw {

std::int64_t parse_interval(const std::string& text, std::int64_t updates_per_epoch, const std::string& key) {
  if (text == "never") return 0;
  double amount = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), amount);
  const std::string unit(end, text.data() + text.size());
  const bool epochs = unit == " epoch" || unit == " epochs";
  const bool steps = unit == " step" || unit == " steps";
  if (error != std::errc() || !(amount > 0) || amount > static_cast<double>(kMostUpdates) ||
      (!epochs && !steps))
    fail_input("'", text, "' is no interval (", key, "); write \"1 epoch\", \"100 steps\" or \"never\"");
  const double updates = epochs ? amount * static_cast<double>(updates_per_epoch) : amount;
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::llround(updates)));
}

}  // namespace thaw
