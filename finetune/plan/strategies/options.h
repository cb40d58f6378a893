// Options of strategies: checks, defaults, typed access.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "finetune/plan/plan.h"

namespace thaw {

// Numbers are doubles, whole ones too.
using OptionValue = std::variant<bool, double, std::string, std::vector<std::string>>;
using OptionMap = std::map<std::string, OptionValue>;
std::string to_text(const OptionValue& value);  // as in TOML
// "alpha = 8, r = 4"; empty for none.
std::string options_text(const OptionMap& options);

struct OptionSpec {
  std::string name;
  OptionValue default_value;
  std::string doc;
  std::vector<OptionValue> tried = {};  // what compare.search draws from, beside the default
};

// What a config's [strategy] table says: options, and the [[strategy.phase]] tables.
struct StrategyRequest {
  std::string name;
  OptionMap options;
  std::vector<Phase> phases;
};

// The options of one strategy, every one with a value, and the run that it is made for. The getters throw InputError
// where the value is not what they ask for; asking for an option of another type than its default is a mistake in the
// strategy and asserts.
class StrategyOptions {
 public:
  // InputError for an option that `specs` lacks (names the nearest) and for a value of another type.
  StrategyOptions(const std::string& strategy, const std::vector<OptionSpec>& specs,
                  const StrategyRequest& request, const RunLength& run);

  double number(const std::string& name, double least, double most) const;
  std::int64_t whole_number(const std::string& name, std::int64_t least, std::int64_t most) const;
  bool flag(const std::string& name) const;
  const std::string& text(const std::string& name) const;
  const std::vector<std::string>& list(const std::string& name) const;
  const std::vector<Phase>& phases() const { return phases_; }
  const RunLength& run() const { return run_; }

  // For the message of a check that a getter does not make.
  [[noreturn]] void refuse(const std::string& name, const std::string& mend) const;

 private:
  std::string strategy_;
  OptionMap values_;
  std::vector<Phase> phases_;
  RunLength run_;
};

}  // namespace thaw
