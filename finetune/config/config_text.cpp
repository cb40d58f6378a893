#include "finetune/config/config_text.h"

#include <optional>
#include <sstream>

#include "finetune/common/text_table.h"
#include "finetune/common/toml_text.h"
#include "finetune/config/config_keys.h"
#include "finetune/plan/plan_text.h"
#include "finetune/plan/strategies/registry.h"

namespace thaw {
namespace {

std::string toml_text(bool value) { return value ? "true" : "false"; }
std::string toml_text(std::int64_t value) { return std::to_string(value); }
std::string toml_text(std::uint64_t value) { return std::to_string(value); }
std::string toml_text(const std::string& value) { return toml_string(value); }

std::string toml_text(double value) { return toml_number(value); }

template <class T>
std::string toml_text(const std::vector<T>& values) {
  std::string text;
  for (const T& value : values) text += (text.empty() ? "" : ", ") + toml_text(value);
  return "[" + text + "]";
}

template <class T>
std::string toml_text(const std::map<std::string, T>& values) {
  std::string text;
  for (const auto& [name, value] : values)
    text += (text.empty() ? "" : ", ") + toml_string(name) + " = " + toml_text(value);
  return "{ " + text + " }";
}

std::string toml_text(const Period& period) { return toml_string(to_text(period)); }
std::string toml_text(ByteSize size) { return toml_string(to_text(size)); }

template <class Choice>
std::enable_if_t<std::is_enum_v<Choice>, std::string> toml_text(Choice choice) {
  return toml_string(name_of(choice));
}

std::string toml_text(const ClassWeights& weights) {
  return weights.balanced ? toml_string("balanced") : toml_text(weights.of);
}

template <class T>
std::string toml_text(const std::optional<T>& value) {
  return toml_text(*value);
}

template <class T>
constexpr bool is_optional = false;
template <class T>
constexpr bool is_optional<std::optional<T>> = true;

template <class T>
bool is_unset(const T& value) {
  return value == T{};
}

// The key's value as TOML; nothing where it was not given and has no default.
template <class Section>
std::optional<std::string> value_text(const Key<Section>& key, const Section& section) {
  return std::visit(
      [&](auto member) -> std::optional<std::string> {
        if constexpr (std::is_member_object_pointer_v<decltype(member)>) {
          const auto& value = section.*member;
          if ((is_optional<std::decay_t<decltype(value)>> || key.rule.is_unset_by_default) && is_unset(value))
            return {};
          return toml_text(value);
        } else {
          return toml_text(std::vector<double>{section.*member.first, section.*member.second});
        }
      },
      key.member);
}

template <class Section>
void write_key(std::ostream& out, const Key<Section>& key, const Section& section) {
  if (!key.rule.is_of(owner_of_options(section))) return;
  if (const auto value = value_text(key, section)) out << key.name << " = " << *value << '\n';
}

// Of two keys of which one is given, the one that a config would not read beside the other.
bool is_overruled(const Config& config, const std::string& key) {
  return (key == "validation_fraction" && !config.data.validation.empty()) ||
         (key == "test_fraction" && !config.data.test.empty()) ||
         (key == "epochs" && config.train.steps > 0) ||
         (key == "warmup_fraction" && config.train.warmup_steps > 0) ||
         (key == "warmup_steps" && config.train.warmup_steps == 0);
}

template <class Section>
void write_section(std::ostream& out, const char* name, const std::vector<Key<Section>>& keys,
                   const Section& section, const Config& config) {
  out << '[' << name << "]\n";
  for (const Key<Section>& key : keys)
    if (!is_overruled(config, key.name)) write_key(out, key, section);
  out << '\n';
}

void write_phase(std::ostream& out, const Phase& phase) {
  out << "\n[[strategy.phase]]\nat = " << toml_string(to_text(phase.at))
      << "\ntrain = " << toml_string(phase.train) << '\n';
  if (phase.state) out << "state = " << toml_string(to_text(*phase.state)) << '\n';
  if (phase.rewarmup) out << "rewarmup = " << *phase.rewarmup << '\n';
  if (phase.frozen_norm) out << "frozen_norm = " << toml_string(to_text(*phase.frozen_norm)) << '\n';
  if (phase.frozen_dropout) out << "frozen_dropout = " << toml_string(to_text(*phase.frozen_dropout)) << '\n';
  if (phase.lr_mult.empty()) return;
  const char* separator = "lr_mult = { ";
  for (const auto& [selector, multiplier] : phase.lr_mult) {
    out << separator << toml_string(selector) << " = " << toml_text(multiplier);
    separator = ", ";
  }
  out << " }\n";
}

void write_strategy(std::ostream& out, const StrategyRequest& request) {
  const StrategySpec& spec = find_strategy(request.name);
  out << "[strategy]\nname = " << toml_string(request.name) << '\n';
  auto write = [&](const OptionSpec& option) {
    const auto given = request.options.find(option.name);
    const OptionValue& value = given == request.options.end() ? option.default_value : given->second;
    std::visit([&](const auto& of_type) { out << option.name << " = " << toml_text(of_type) << '\n'; },
               value);
  };
  const bool k_in_name = request.name != spec.name;  // "top-2" of "top-k"
  for (const OptionSpec& option : spec.options)
    if (!k_in_name || option.name != "k") write(option);
  for (const OptionSpec& option : common_options()) write(option);
  for (const Phase& phase : request.phases) write_phase(out, phase);
  out << '\n';
}

// "key = default" and what it means; a key without a default stands alone.
template <class Section>
void explain_section(std::ostream& out, const char* name, const std::vector<Key<Section>>& keys,
                     const Section& defaults) {
  std::vector<TextRow> rows;
  for (const Key<Section>& key : keys) {
    const auto value = value_text(key, defaults);
    const std::string owner = key.rule.owners.empty() ? "" : joined(key.rule.owners) + ": ";
    rows.push_back({key.name + (value ? " = " + *value : ""), owner + key.about});
  }
  out << '[' << name << "]\n" << text_table(rows) << '\n';
}

constexpr const char* kOtherTables = R"([strategy]
name = "full"  and that strategy's options: `thaw strategies` lists both

[[strategy.phase]]  of name = "plan", one for each phase, in order
at = "step 0"       or "epoch 1", "step 200", "fraction 0.5", "plateau validation_loss 2" (evaluations)
train               a selector, such as "head", "top:2", "layers.[0-2].*", "all, !kind:norm"
lr_mult             { "head" = 1.0, "layers.0" = 0.1 }: multipliers of train.lr, by selector
state               of the optimizer, for what freezes: "keep" or "drop"
rewarmup            updates until what thaws has its full learning rate
frozen_norm         "still" or "batch": whether a frozen batch norm follows the data
frozen_dropout      "keep" or "off": whether dropout in frozen groups goes on; "off" lets them be computed once

[[axis]]        makes of the config a study for `thaw compare`: a comparison for each combination of the axes' values
name            of the axis; the first axis gives the rows of the study's table
values          [ { name = "few", data.samples_per_class = 4 }, .. ]: each value's name and the keys that it changes
values[].when   { other = { train.lr = 0.1 } }: what it changes together with another axis's value, here "other"
random = false  true: the values are a sample of many, and intervals are over them
)";

}  // namespace

std::string explain_config() {
  const Config defaults;
  std::ostringstream out;
  explain_section(out, "model", model_keys(), defaults.model);
  explain_section(out, "data", data_keys(), defaults.data);
  explain_section(out, "train", train_keys(), defaults.train);
  explain_section(out, "compare", compare_keys(), defaults.compare);
  out << kOtherTables;
  return out.str();
}

std::string to_toml(const Config& config) {
  std::ostringstream out;
  write_section(out, "model", model_keys(), config.model, config);
  write_section(out, "data", data_keys(), config.data, config);
  write_section(out, "train", train_keys(), config.train, config);
  write_strategy(out, config.strategy);
  write_section(out, "compare", compare_keys(), config.compare, config);
  return out.str();
}

}  // namespace thaw
