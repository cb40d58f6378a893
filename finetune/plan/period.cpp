#include "finetune/plan/period.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "core/error.h"
#include "finetune/common/text.h"

namespace thaw {
namespace {

std::optional<Period::Unit> unit_named(const std::string& name) {
  using Unit = Period::Unit;
  if (name == "epoch" || name == "epochs") return Unit::epochs;
  if (name == "step" || name == "steps") return Unit::steps;
  if (name == "run") return Unit::runs;
  return std::nullopt;
}

}  // namespace

std::optional<Period> parse_period(const std::string& text) {
  if (text == "never") return Period{};
  std::istringstream words(text);
  std::string number, name, rest;
  words >> number >> name >> rest;
  const std::optional<double> amount = parse_number(number);
  const std::optional<Period::Unit> unit = unit_named(name);
  if (!amount || !unit || !rest.empty() || !(*amount > 0 && *amount <= kMostUpdates)) return std::nullopt;
  if (*unit == Period::Unit::steps && *amount != std::floor(*amount)) return std::nullopt;
  return Period{*unit, *amount};
}

std::string to_text(const Period& period) {
  const auto with = [&](const char* one, const char* many) {
    return concat(exact_number(period.amount), ' ', period.amount == 1 ? one : many);
  };
  switch (period.unit) {
    case Period::Unit::epochs:
      return with("epoch", "epochs");
    case Period::Unit::steps:
      return with("step", "steps");
    case Period::Unit::runs:
      return with("run", "run");
    case Period::Unit::never:
      break;
  }
  return "never";
}

std::int64_t Period::updates(const RunLength& run) const {
  double updates = amount;
  if (unit == Unit::never) return 0;
  if (unit == Unit::epochs) updates *= static_cast<double>(run.updates_per_epoch);
  if (unit == Unit::runs) updates *= static_cast<double>(run.total_updates);
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::llround(updates)));
}

}  // namespace thaw
