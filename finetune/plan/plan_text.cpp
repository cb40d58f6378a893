#include "finetune/plan/plan_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

#include "core/error.h"
#include "finetune/common/nearest.h"
#include "finetune/common/text.h"
#include "finetune/plan/plan.h"
#include "finetune/task/task.h"

namespace thaw {
namespace {

constexpr double kMostPatience = 1e6;

// What a plateau may wait for, of any task.
std::vector<std::string> monitored_metrics() {
  std::vector<std::string> names;
  for (const Task* task : tasks())
    for (const std::string& name : task->metric_names("validation_"))
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  return names;
}

template <class T>
struct Choice {
  const char* text;
  T value;
};

constexpr Choice<StatePolicy> kStatePolicies[] = {{"keep", StatePolicy::keep}, {"drop", StatePolicy::drop}};
constexpr Choice<FrozenNorm> kFrozenNorms[] = {{"still", FrozenNorm::still}, {"batch", FrozenNorm::batch}};
constexpr Choice<FrozenDropout> kFrozenDropouts[] = {{"keep", FrozenDropout::keep},
                                                     {"off", FrozenDropout::off}};

template <class T, size_t N>
T parse_choice(const char* key, const Choice<T> (&choices)[N], const std::string& text) {
  std::string known;
  for (const Choice<T>& choice : choices) {
    if (text == choice.text) return choice.value;
    known += concat(known.empty() ? "" : " or ", in_quotes(choice.text));
  }
  fail_input(key, " = ", in_quotes(text), " is unknown (strategy.", key, "); write ", known);
}

template <class T, size_t N>
std::string choice_text(const Choice<T> (&choices)[N], T value) {
  const auto is_value = [value](const Choice<T>& choice) { return choice.value == value; };
  return std::find_if(std::begin(choices), std::end(choices), is_value)->text;
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

// Parses one `at`.
class StartParser {
 public:
  explicit StartParser(const std::string& text) : text_(text), words_(words_of(text)) {}

  PhaseStart parse() const {
    using Kind = PhaseStart::Kind;
    const std::string kind = words_.empty() ? "" : words_[0];
    if (kind == "plateau") return parse_plateau();
    if (words_.size() == 2) {
      if (kind == "step") return {Kind::step, whole_number(1, 0, kMostUpdates), "", 0};
      if (kind == "epoch") return {Kind::epoch, number(1, 0, kMostUpdates), "", 0};
      if (kind == "fraction") return {Kind::fraction, number(1, 0, 1), "", 0};
    }
    refuse("is not a time");
  }

 private:
  PhaseStart parse_plateau() const {
    if (words_.size() != 3) refuse("names no metric and patience");
    const std::vector<std::string> known = monitored_metrics();
    if (std::find(known.begin(), known.end(), words_[1]) == known.end()) {
      fail_input("at = ", in_quotes(text_), " has an unknown metric ", in_quotes(words_[1]),
                 did_you_mean(words_[1], known), "; the metrics are ", name_list(known));
    }
    return {PhaseStart::Kind::plateau, 0, words_[1], static_cast<int>(whole_number(2, 1, kMostPatience))};
  }

  double number(size_t word, double least, double most) const {
    const std::optional<double> value = parse_number(words_[word]);
    if (!value) refuse(concat("has ", in_quotes(words_[word]), " where a number is wanted"));
    if (!(*value >= least && *value <= most)) {
      refuse(concat("has ", words_[word], ", which is not between ", least, " and ", most));
    }
    return *value;
  }

  double whole_number(size_t word, double least, double most) const {
    const double value = number(word, least, most);
    if (value != std::floor(value)) refuse(concat("has ", words_[word], " where a whole number is wanted"));
    return value;
  }

  [[noreturn]] void refuse(const std::string& what) const {
    fail_input("at = ", in_quotes(text_), " ", what,
               "; write \"step 200\", \"epoch 1\", \"fraction 0.5\" or \"plateau validation_loss 2\"");
  }

  const std::string& text_;
  std::vector<std::string> words_;
};

// The shortest text that parses to the same number, without an exponent.
std::string without_exponent(double value) {
  char text[400];
  const auto [end, error] = std::to_chars(text, text + sizeof(text), value, std::chars_format::fixed);
  return error == std::errc() ? std::string(text, end) : concat(value);
}

}  // namespace

PhaseStart parse_phase_start(const std::string& text) { return StartParser(text).parse(); }

StatePolicy parse_state_policy(const std::string& text) {
  if (text == "park")
    fail_input(
        "state = \"park\" is no longer there: it freed no memory; write \"keep\", which gives the same "
        "weights, or \"drop\"");
  return parse_choice("state", kStatePolicies, text);
}
FrozenNorm parse_frozen_norm(const std::string& text) {
  return parse_choice("frozen_norm", kFrozenNorms, text);
}
FrozenDropout parse_frozen_dropout(const std::string& text) {
  return parse_choice("frozen_dropout", kFrozenDropouts, text);
}

std::string to_text(const PhaseStart& at) {
  switch (at.kind) {
    case PhaseStart::Kind::step:
      return "step " + without_exponent(at.amount);
    case PhaseStart::Kind::epoch:
      return "epoch " + without_exponent(at.amount);
    case PhaseStart::Kind::fraction:
      return "fraction " + without_exponent(at.amount);
    case PhaseStart::Kind::plateau:
      break;
  }
  return concat("plateau ", at.metric, " ", at.patience);
}

std::string to_text(StatePolicy policy) { return choice_text(kStatePolicies, policy); }
std::string to_text(FrozenNorm mode) { return choice_text(kFrozenNorms, mode); }
std::string to_text(FrozenDropout mode) { return choice_text(kFrozenDropouts, mode); }

}  // namespace thaw
