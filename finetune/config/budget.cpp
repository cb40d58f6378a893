#include "finetune/config/budget.h"

#include <cmath>
#include <optional>

#include "core/error.h"
#include "finetune/common/text.h"

namespace thaw {

Budget parse_budget(const std::string& text) {
  if (text == "epochs") return {Budget::Kind::epochs, 0};
  if (text == "convergence") return {Budget::Kind::convergence, 0};
  Budget budget;
  std::string number;
  if (text.ends_with("s")) {
    budget.kind = Budget::Kind::seconds;
    number = text.substr(0, text.size() - 1);
  } else if (text.starts_with("flops=")) {
    budget.kind = Budget::Kind::flops;
    number = text.substr(6);
  } else if (text.starts_with("bytes=")) {
    budget.kind = Budget::Kind::bytes;
    number = text.substr(6);
  }
  const std::optional<double> amount = parse_number(number);
  if (!amount || !(*amount > 0) || !std::isfinite(*amount))
    fail_input("the budget ", in_quotes(text),
               " is unknown (compare.budget); write \"epochs\", \"60s\", \"flops=1e12\", \"bytes=2e9\" or "
               "\"convergence\"");
  budget.amount = *amount;
  return budget;
}

}  // namespace thaw
