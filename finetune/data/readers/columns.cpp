#include "finetune/data/readers/columns.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <unordered_map>

#include "core/error.h"
#include "finetune/common/nearest.h"
#include "finetune/common/text.h"

namespace thaw {
namespace {

// The columns' names, by which columns are found at once: a table may have a hundred thousand.
class Names {
 public:
  explicit Names(const std::vector<std::string>& names) {
    for (size_t i = 0; i < names.size(); ++i) {
      const auto column = static_cast<int64_t>(i);
      const auto [places, is_new] = places_.emplace(names[i], Places{column, ColumnRoles::kNone});
      if (!is_new && places->second.second == ColumnRoles::kNone) places->second.second = column;
    }
  }

  bool has(std::string_view name) const { return places_.contains(name); }
  // The first column of that name and the next one, or kNone.
  int64_t first(std::string_view name) const {
    return has(name) ? places_.at(name).first : ColumnRoles::kNone;
  }
  int64_t second(std::string_view name) const {
    return has(name) ? places_.at(name).second : ColumnRoles::kNone;
  }

  // By its whole name, or by a glob. A pattern that is some column's whole name is that one alone, though it
  // has a glob's signs ("size [cm]").
  bool is_named_by(const std::string& pattern, const std::string& name) const {
    return has(pattern) ? pattern == name : glob_matches(pattern, name);
  }

 private:
  struct Places {
    int64_t first, second;
  };
  std::unordered_map<std::string_view, Places> places_;
};

// Hugging Face's folders of sounds and pictures, and Common Voice, call them so.
constexpr const char* kFileNames[] = {"file_name", "path"};
constexpr const char* kTranscriptNames[] = {"transcription", "sentence", "label"};

constexpr std::string_view kAuto = "auto";  // of data.categories

bool is_id(const std::string& name) { return name == "id" || name == "ID" || name == "Id"; }

class Chooser {
 public:
  Chooser(const DataSource& source, const std::vector<std::string>& names, const std::string& place)
      : source_(source), names_(names), known_(names), place_(place) {}

  ColumnRoles choose() {
    roles_.feature.assign(names_.size(), ColumnRoles::kNone);
    if (source_.targets != Targets::none) {
      roles_.label = source_.targets == Targets::transcripts
                         ? find_or(source_.label, kTranscriptNames, "label")
                         : find(source_.label, "label");
      if (!source_.group.empty()) roles_.group = find(source_.group, "group");
      check_apart(roles_.group, "group");
    }
    if (!source_.audio.empty() || !source_.image.empty() || !source_.text.empty()) refuse_feature_keys();
    if (!source_.audio.empty())
      choose_sounds();
    else if (!source_.image.empty())
      choose_pictures();
    else if (!source_.text.empty())
      choose_texts();
    else if (source_.columns.empty())
      choose_all_features();
    else
      choose_named_features();
    choose_readings();
    choose_kept();
    if (!source_.columns.empty()) note_extra();
    if (source_.text.empty() && source_.audio.empty() && source_.image.empty() && roles_.features.empty())
      fail_input("the table has no feature column (", place_,
                 "); add columns beside the label, text and group");
    return std::move(roles_);
  }

 private:
  void choose_kept() {
    std::vector<std::string> patterns;
    for (size_t i = 0; source_.keep_id && i < names_.size(); ++i)
      if (is_spare_id(i)) patterns.push_back(names_[i]);
    patterns.insert(patterns.end(), source_.keep.begin(), source_.keep.end());
    roles_.kept = columns_to_keep(patterns, names_, place_);
    roles_.asked_to_keep = columns_to_keep(source_.keep, names_, place_);
  }

  // Of several columns of one name none is kept that nobody asked for: results could not tell them apart.
  bool is_spare_id(size_t column) const {
    const std::string& name = names_[column];
    return is_id(name) && !roles_.reads(column) && name != source_.label &&
           known_.second(name) == ColumnRoles::kNone;
  }

  // A key that would change nothing may have been meant for something.
  void refuse_feature_keys() const {
    if (!source_.columns.empty() || !source_.kinds.empty()) return;  // those of a trained model
    const char* what = !source_.audio.empty() ? "sounds" : !source_.image.empty() ? "pictures" : "texts";
    for (const auto& [is_given, key] : {std::pair{!source_.features.empty(), "data.features"},
                                        std::pair{!source_.ignore.empty(), "data.ignore"},
                                        std::pair{!source_.categories.empty(), "data.categories"},
                                        std::pair{source_.takes_missing, "data.missing"}})
      if (is_given)
        fail_input(key, " is for columns of numbers and categories, and here ", what, " are read (", place_,
                   "); leave it out");
  }

  void choose_sounds() {
    roles_.audio = find_or(source_.audio, kFileNames, "audio");
    check_apart(roles_.audio, "audio");
  }

  void choose_pictures() {
    roles_.image = find_or(source_.image, kFileNames, "image");
    check_apart(roles_.image, "image");
  }

  // The column of that name; where nobody chose it, else the one with a name that is usual for it.
  int64_t find_or(const std::string& name, std::span<const char* const> usual, const char* option) {
    if (name != "audio" && name != "image" && name != "text") return find(name, option);
    for (const char* other : usual)
      if (!known_.has(name) && known_.has(other)) {
        roles_.notes.push_back(concat("the ", option, " is column ", in_quotes(other), " (", place_, ")"));
        return find(other, option);
      }
    return find(name, option);
  }

  void choose_texts() {
    roles_.text = find(source_.text, "text");
    check_apart(roles_.text, "text");
    if (source_.text_pair.empty()) return;
    roles_.text_pair = find(source_.text_pair, "text_pair");
    check_apart(roles_.text_pair, "text_pair");
    if (roles_.text == roles_.text_pair)
      fail_input("both texts of a pair are one column, ", in_quotes(source_.text), " (", place_,
                 "); set data.text_pair to another column");
  }

  void check_apart(int64_t other, const char* what) const {
    if (roles_.label == ColumnRoles::kNone || roles_.label != other) return;
    fail_input("the label and the ", what, " are one column, ", in_quotes(source_.label), " (", place_,
               "); set data.", what, " to another column");
  }

  int64_t find(const std::string& name, const char* option) const {
    if (!known_.has(name)) refuse_absent(name, option);
    check_single(name);
    return known_.first(name);
  }

  [[noreturn]] void refuse_absent(const std::string& name, const char* option) const {
    std::vector<std::string> known = names_;
    std::erase(known, "");
    const bool has_numbers = std::any_of(known.begin(), known.end(), [](const std::string& column) {
      return parse_number(column).has_value();
    });
    if (!names_.empty() && names_.size() <= 2 &&
        (names_.front().starts_with("sep=") || names_.front().starts_with('#')))
      fail_input("the first line, ", in_quotes(names_.front()), ", is no header (", place_,
                 "); remove it, so that the columns' names stand first");
    const bool is_second = option == std::string_view("text_pair");
    const bool is_one = names_.size() == 1 && names_[0].find(name) != std::string::npos;
    const std::string near = is_one ? "" : did_you_mean(name, known);
    fail_input("there is no ", option, " column ", in_quotes(name), " (", place_, ")",
               near.empty() ? "; " : near + " ",
               is_one ? concat("the header is one column, ", in_quotes(names_[0]), ": set data.separator")
               : has_numbers ? concat("the first line, ", name_list(known),
                                      ", looks like data: put the columns' names above it")
               : source_.targets != Targets::none
                   ? concat("set data.", option, " to one of the columns: ", name_list(known))
                   : concat("give the column that name",
                            source_.text.empty() ? ""
                            : is_second          ? ", or name it by --text-pair"
                                                 : ", or name it by --text",
                            "; there are ", name_list(known)),
               is_second ? "; \"\" is for single texts" : "",
               !source_.audio.empty() && source_.targets == Targets::classes
                   ? "; for speech to text set data.task = \"transcription\""
                   : "");
  }

  // `is_feature`: it may be left out.
  void check_single(const std::string& name, bool is_feature = false) const {
    const int64_t second = known_.second(name);
    if (second == ColumnRoles::kNone) return;
    fail_input("two columns are named ", in_quotes(name), " (", place_, ", columns ", known_.first(name) + 1,
               " and ", second + 1, "); rename one",
               is_feature && source_.columns.empty() ? ", or leave both out with data.ignore" : "");
  }

  void check_patterns(const std::vector<std::string>& patterns, const char* key) const {
    for (const std::string& pattern : patterns)
      if (std::none_of(names_.begin(), names_.end(),
                       [&](const std::string& name) { return known_.is_named_by(pattern, name); }))
        fail_input(key, " has ", in_quotes(pattern), ", which no column matches (", place_, "); there are ",
                   name_list(names_));
  }

  bool is_chosen(const std::string& name) const {
    return (source_.features.empty() || is_named_by_any(source_.features, name)) &&
           !is_named_by_any(source_.ignore, name);
  }

  bool is_named_by_any(const std::vector<std::string>& patterns, const std::string& name) const {
    return std::any_of(patterns.begin(), patterns.end(),
                       [&](const std::string& pattern) { return known_.is_named_by(pattern, name); });
  }

  bool is_other_role(const std::string& name) const {
    return name == source_.label || (!source_.group.empty() && name == source_.group);
  }

  void add_feature(const std::string& name) {
    check_single(name, true);
    roles_.feature[static_cast<size_t>(known_.first(name))] = static_cast<int64_t>(roles_.features.size());
    roles_.features.push_back(name);
  }

  void choose_all_features() {
    check_patterns(source_.features, "data.features");
    check_patterns(source_.ignore, "data.ignore");
    for (const std::string& name : names_)
      if (!name.empty() && !is_other_role(name) && is_chosen(name)) add_feature(name);
    note_unnamed();
  }

  void note_unnamed() {
    const auto count = std::count(names_.begin(), names_.end(), "");
    if (count == 0) return;
    const int64_t first = known_.first("") + 1;
    roles_.notes.push_back(count == 1
                               ? concat("column ", first, " has no name and is left out (", place_, ")")
                               : concat(count, " columns have no name and are left out (", place_,
                                        ", first: column ", first, ")"));
  }

  void choose_named_features() {
    std::vector<std::string> absent, ignored;
    for (const std::string& wanted : source_.columns) {
      if (!known_.has(wanted))
        absent.push_back(wanted);
      else if (!is_chosen(wanted))
        ignored.push_back(wanted);
      else if (known_.first(wanted) == roles_.label)
        fail_input("the column ", in_quotes(wanted), " is the label, and one of ", source_.columns_of,
                   " features (", place_, "); set data.label to another column");
      else
        add_feature(wanted);
    }
    if (!absent.empty())
      fail_input(source_.columns_of, " feature columns ", name_list(absent), " are not in the table (",
                 place_, "), which has ", name_list(names_), "; give a table with ", source_.columns_of,
                 " columns: ", name_list(source_.columns));
    if (!ignored.empty())
      fail_input(source_.columns_of, " feature columns ", name_list(ignored),
                 " are left out by data.features or data.ignore (", place_, "); let them in");
  }

  void choose_readings() {
    using Reading = FeatureColumn::Reading;
    std::vector<std::string> named = source_.categories;
    const bool has_auto = std::erase(named, std::string(kAuto)) > 0;
    if (source_.columns.empty() && !roles_.features.empty()) check_patterns(named, "data.categories");
    constexpr Reading kOf[] = {Reading::numbers, Reading::booleans, Reading::categories};
    for (size_t i = 0; i < roles_.features.size(); ++i) {
      const bool is_known = !source_.kinds.empty();
      roles_.readings.push_back(is_known ? kOf[static_cast<size_t>(source_.kinds[i])]
                                : is_named_by_any(named, roles_.features[i]) ? Reading::words
                                : has_auto                                   ? Reading::words_or_numbers
                                                                             : Reading::numbers);
    }
  }

  void note_extra() {
    std::vector<std::string> extra;
    for (size_t i = 0; i < names_.size(); ++i)
      if (!names_[i].empty() && !roles_.reads(i) && !is_other_role(names_[i]) && is_chosen(names_[i]))
        extra.push_back(names_[i]);
    if (!extra.empty())
      roles_.notes.push_back(concat("columns that are not read, for they are not ", source_.columns_of, ": ",
                                    name_list(extra), " (", place_, ")"));
  }

  const DataSource& source_;
  const std::vector<std::string>& names_;
  const Names known_;
  const std::string& place_;
  ColumnRoles roles_;
};

}  // namespace

bool ColumnRoles::reads(size_t column) const {
  const auto index = static_cast<int64_t>(column);
  return feature[column] != kNone || std::find(kept.begin(), kept.end(), column) != kept.end() ||
         index == label || index == group || index == text || index == text_pair || index == audio ||
         index == image;
}

std::vector<size_t> columns_to_keep(const std::vector<std::string>& patterns,
                                    const std::vector<std::string>& names, const std::string& where) {
  const Names known(names);
  const auto matches = [&](const std::string& pattern, const std::string& name) {
    return pattern == "all" || known.is_named_by(pattern, name);
  };
  std::vector<size_t> kept;
  std::vector<bool> taken(names.size(), false);
  for (const bool leaves_out : {true, false}) {
    for (const std::string& pattern : patterns) {
      if (pattern.starts_with('!') != leaves_out) continue;
      bool found = false;
      for (size_t i = 0; i < names.size(); ++i) {
        if (!matches(leaves_out ? pattern.substr(1) : pattern, names[i])) continue;
        found = true;
        if (!taken[i] && !leaves_out) kept.push_back(i);
        taken[i] = true;
      }
      if (!found)
        fail_input("there is no column ", in_quotes(pattern), " to keep (", where, "); the columns are ",
                   name_list(names));
    }
  }
  return kept;
}

ColumnRoles choose_columns(const DataSource& source, const std::vector<std::string>& names,
                           const std::string& place) {
  return Chooser(source, names, place).choose();
}

}  // namespace thaw
