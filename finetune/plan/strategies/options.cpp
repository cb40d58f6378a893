#include "finetune/plan/strategies/options.h"

#include <cassert>
#include <charconv>
#include <cmath>

#include "core/error.h"
#include "finetune/common/nearest.h"
#include "finetune/common/text.h"
#include "finetune/common/toml_text.h"
#include "finetune/plan/plan_text.h"

namespace thaw {
namespace {

const char* type_name(const OptionValue& value) {
  constexpr const char* kNames[] = {"true or false", "a number", "a text", "a list of texts"};
  return kNames[value.index()];
}

const OptionSpec* find_option(const std::vector<OptionSpec>& specs, const std::string& name) {
  for (const OptionSpec& spec : specs) {
    if (spec.name == name) return &spec;
  }
  return nullptr;
}

[[noreturn]] void refuse_unknown(const std::string& strategy, const std::string& option,
                                 const std::vector<OptionSpec>& specs) {
  std::vector<std::string> known;
  std::string listed;
  for (const OptionSpec& spec : specs) {
    known.push_back(spec.name);
    listed += (listed.empty() ? "" : ", ") + spec.name;
  }
  fail_input("strategy ", in_quotes(strategy), " has no option ", in_quotes(option),
             did_you_mean(option, known), "; it takes ", listed);
}

}  // namespace

std::string to_text(const OptionValue& value) {
  if (const bool* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const double* number = std::get_if<double>(&value)) return exact_number(*number);
  if (const std::string* text = std::get_if<std::string>(&value)) return toml_string(*text);
  std::string listed;
  for (const std::string& item : std::get<std::vector<std::string>>(value)) {
    listed += (listed.empty() ? "" : ", ") + toml_string(item);
  }
  return "[" + listed + "]";
}

std::string options_text(const OptionMap& options) {
  std::string text;
  for (const auto& [name, value] : options)
    text += (text.empty() ? "" : ", ") + name + " = " + to_text(value);
  return text;
}

StrategyOptions::StrategyOptions(const std::string& strategy, const std::vector<OptionSpec>& specs,
                                 const StrategyRequest& request, const RunLength& run)
    : strategy_(strategy), phases_(request.phases), run_(run) {
  for (const OptionSpec& spec : specs) values_[spec.name] = spec.default_value;
  for (const auto& [name, value] : request.options) {
    const OptionSpec* spec = find_option(specs, name);
    if (!spec) refuse_unknown(strategy, name, specs);
    if (value.index() != spec->default_value.index()) {
      fail_input("strategy.", name, " = ", to_text(value), " is not ", type_name(spec->default_value),
                 " (strategy ", in_quotes(strategy), "); its default is ", to_text(spec->default_value));
    }
    values_[name] = value;
  }
}

void StrategyOptions::refuse(const std::string& name, const std::string& mend) const {
  fail_input("strategy.", name, " = ", to_text(values_.at(name)), " is not possible (strategy ",
             in_quotes(strategy_), "); ", mend);
}

double StrategyOptions::number(const std::string& name, double least, double most) const {
  const double value = std::get<double>(values_.at(name));
  if (!(value >= least && value <= most)) {
    refuse(name, concat("write a number between ", exact_number(least), " and ", exact_number(most)));
  }
  return value;
}

std::int64_t StrategyOptions::whole_number(const std::string& name, std::int64_t least,
                                           std::int64_t most) const {
  const double value = number(name, static_cast<double>(least), static_cast<double>(most));
  if (value != std::floor(value)) refuse(name, "write a whole number");
  return static_cast<std::int64_t>(value);
}

bool StrategyOptions::flag(const std::string& name) const { return std::get<bool>(values_.at(name)); }

const std::string& StrategyOptions::text(const std::string& name) const {
  return std::get<std::string>(values_.at(name));
}

const std::vector<std::string>& StrategyOptions::list(const std::string& name) const {
  return std::get<std::vector<std::string>>(values_.at(name));
}

}  // namespace thaw
