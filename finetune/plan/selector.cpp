#include "finetune/plan/selector.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "finetune/common/nearest.h"
#include "finetune/common/text.h"

namespace thaw {
namespace {

// One name of one parameter; a tied weight has several.
struct Name {
  size_t parameter;
  std::string text;
};

std::vector<Name> all_names(const ModelInfo& model) {
  std::vector<Name> names;
  for (size_t i = 0; i < model.parameters.size(); ++i) {
    names.push_back({i, model.parameters[i].name});
    for (const std::string& alias : model.parameters[i].aliases) names.push_back({i, alias});
  }
  return names;
}

std::vector<std::string_view> split_items(std::string_view text) {
  std::vector<std::string_view> items;
  for (;;) {
    const size_t comma = text.find(',');
    items.push_back(trim(text.substr(0, comma)));
    if (comma == std::string_view::npos) return items;
    text.remove_prefix(comma + 1);
  }
}

// What follows the prefix, nothing if the item does not begin with it.
std::optional<std::string_view> after(std::string_view prefix, std::string_view item) {
  if (item.substr(0, prefix.size()) != prefix) return std::nullopt;
  return item.substr(prefix.size());
}

// Resolves the items of one selector to masks over the names.
class Resolver {
 public:
  Resolver(const std::string& selector, const ModelInfo& model, const std::string& where)
      : selector_(selector), model_(model), where_(where), names_(all_names(model)) {}

  std::vector<bool> selected_parameters() const {
    std::vector<bool> wanted(names_.size()), unwanted(names_.size());
    bool has_plain_item = false;
    for (std::string_view item : split_items(selector_)) {
      const bool negated = !item.empty() && item.front() == '!';
      has_plain_item |= !negated;
      add_matches(negated ? trim(item.substr(1)) : item, negated ? unwanted : wanted);
    }
    if (!has_plain_item) refuse("has nothing but exclusions", concat("write \"all,", selector_, "\""));
    for (size_t i = 0; i < names_.size(); ++i) wanted[i] = wanted[i] && !unwanted[i];
    if (std::find(wanted.begin(), wanted.end(), true) == wanted.end()) refuse_no_match("");
    return per_parameter(wanted);
  }

 private:
  void add_matches(std::string_view item, std::vector<bool>& mask) const {
    if (item.empty()) refuse("has an empty item", "remove the comma or name something");
    if (item == "all") {
      add_where([](const ParameterInfo&) { return true; }, mask);
    } else if (const auto top = after("top:", item)) {
      const int lowest = model_.head() - count(item, *top);
      add_where([lowest](const ParameterInfo& parameter) { return parameter.group >= lowest; }, mask);
    } else if (const auto bottom = after("bottom:", item)) {
      const int end = count(item, *bottom);
      add_where([end](const ParameterInfo& parameter) { return parameter.group < end; }, mask);
    } else if (const auto kind = after("kind:", item)) {
      add_kind(*kind, mask);
    } else {
      add_glob(std::string(item), mask);
    }
  }

  template <class Predicate>
  void add_where(Predicate predicate, std::vector<bool>& mask) const {
    for (size_t i = 0; i < names_.size(); ++i) {
      if (predicate(model_.parameters[names_[i].parameter])) mask[i] = true;
    }
  }

  void add_kind(std::string_view kind, std::vector<bool>& mask) const {
    const auto add = [&](ParameterKind wanted) {
      add_where([wanted](const ParameterInfo& parameter) { return parameter.kind == wanted; }, mask);
    };
    if (kind == "bias") {
      add_where([](const ParameterInfo& parameter) { return parameter.is_bias; }, mask);
    } else if (kind == "norm") {
      add(ParameterKind::norm);
    } else if (kind == "embedding") {
      add(ParameterKind::embedding);
    } else if (kind == "lora") {
      add(ParameterKind::lora);
    } else if (kind == "adapter") {
      add(ParameterKind::adapter);
    } else {
      refuse(concat("has an unknown kind ", in_quotes(kind)),
             "write kind:bias, kind:norm, kind:embedding, kind:lora or kind:adapter");
    }
  }

  void add_glob(const std::string& glob, std::vector<bool>& mask) const {
    if (std::count(glob.begin(), glob.end(), '[') != std::count(glob.begin(), glob.end(), ']')) {
      refuse(concat("has an unclosed bracket in ", in_quotes(glob)), "write a range as in layers.[0-3].*");
    }
    const auto group_matches = [&](const std::string& group) { return glob_matches(glob, group); };
    if (std::any_of(model_.groups.begin(), model_.groups.end(), group_matches)) {
      add_where(
          [&](const ParameterInfo& parameter) { return group_matches(model_.groups.at(parameter.group)); },
          mask);
      return;
    }
    bool found = false;
    for (size_t i = 0; i < names_.size(); ++i) {
      if (!glob_matches(glob, names_[i].text)) continue;
      mask[i] = true;
      found = true;
    }
    if (!found) refuse_no_match(glob);
  }

  // K has at most nine digits, so that sums with it stay within int.
  int count(std::string_view item, std::string_view digits) const {
    int value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    const bool is_number = error == std::errc() && end == digits.data() + digits.size() && !digits.empty();
    if (!is_number || value < 0 || digits.size() > 9) {
      refuse(concat("has ", in_quotes(item), ", which has no whole number of groups"),
             "write top:2 or bottom:2");
    }
    return value;
  }

  std::vector<bool> per_parameter(const std::vector<bool>& by_name) const {
    std::vector<bool> selected(model_.parameters.size());
    for (size_t i = 0, first = 0; i < names_.size(); ++i) {
      if (i == 0 || names_[i].parameter != names_[first].parameter) first = i;
      if (by_name[i] != by_name[first]) {
        const auto [in, out] = by_name[i] ? std::pair(i, first) : std::pair(first, i);
        refuse(concat("selects ", in_quotes(names_[in].text), " but not ", in_quotes(names_[out].text),
                      ", two names of one tied weight"),
               "name both or neither");
      }
      selected[names_[i].parameter] = by_name[i];
    }
    return selected;
  }

  [[noreturn]] void refuse_no_match(const std::string& glob) const {
    std::vector<std::string> names;
    for (const Name& name : names_) names.push_back(name.text);
    std::vector<std::string> known = model_.groups;
    known.insert(known.end(), names.begin(), names.end());
    const std::string item = glob.empty() || glob == selector_ ? "" : concat(" with ", in_quotes(glob));
    refuse(concat("matches nothing", item),
           concat("there are the groups ", name_list(model_.groups), " and the parameters ", name_list(names),
                  glob.empty() ? "" : hint(glob, known, names)));
  }

  // A path of modules is not a name: the glob that its author meant ends in ".*".
  std::string hint(const std::string& glob, const std::vector<std::string>& known,
                   const std::vector<std::string>& names) const {
    const std::string below = glob + ".*";
    const auto is_below = [&](const std::string& name) { return glob_matches(below, name); };
    if (std::any_of(names.begin(), names.end(), is_below))
      return concat("; did you mean ", in_quotes(below), "?");
    return did_you_mean(glob, known);
  }

  [[noreturn]] void refuse(const std::string& what, const std::string& mend) const {
    fail_input("selector ", in_quotes(selector_), " ", what, " (", where_, "); ", mend);
  }

  const std::string& selector_;
  const ModelInfo& model_;
  const std::string& where_;
  std::vector<Name> names_;
};

}  // namespace

std::vector<bool> select_parameters(const std::string& selector, const ModelInfo& model,
                                    const std::string& where) {
  return Resolver(selector, model, where).selected_parameters();
}

}  // namespace thaw
