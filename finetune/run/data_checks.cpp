#include "finetune/run/data_checks.h"

#include <algorithm>
#include <set>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/data/split.h"

namespace thaw {
namespace {

std::int64_t place_of(const Dataset& data, std::int64_t row) { return data[row].id + 1; }

bool answer_otherwise(const Sample& a, const Sample& b) {
  return a.label != b.label || a.target != b.target || a.transcript != b.transcript;
}

const char* answer_of(const Dataset& data) {
  return data.targets == Targets::numbers       ? "target"
         : data.targets == Targets::transcripts ? "transcript"
                                                : "label";
}

std::string counted(std::size_t count, const char* what) {
  return concat(count, ' ', what, count == 1 ? "" : "s");
}

// Of rows that are equal but for their labels, as a file under two of them. `equal`: those that are equal altogether.
void note_other_answers(const Part& known, const Part& other, const std::vector<Duplicate>& equal,
                        std::vector<std::string>& notes) {
  std::vector<Duplicate> same = find_same_inputs(known.data, other.data);
  const auto second_row = [](const Duplicate& a, const Duplicate& b) { return a.second_row < b.second_row; };
  std::erase_if(same, [&](const Duplicate& pair) {
    return std::binary_search(equal.begin(), equal.end(), pair, second_row) ||
           !answer_otherwise(known.data[pair.first_row], other.data[pair.second_row]);
  });
  if (same.empty()) return;
  notes.push_back(concat(
      "warning: ", counted(same.size(), "row"), " of ", other.path, same.size() == 1 ? " has" : " have",
      " what rows of ", known.path, " have, under another ", answer_of(known.data), " (first: row ",
      place_of(other.data, same[0].second_row), " is row ", place_of(known.data, same[0].first_row), ")"));
}

void check_duplicates(const Config& config, const Part& known, const Part& other, bool refuse,
                      std::vector<std::string>& notes) {
  const std::vector<Duplicate> found = find_duplicates(known.data, other.data);
  note_other_answers(known, other, found, notes);
  if (found.empty()) return;
  const std::string what = concat(counted(found.size(), "row"), " of ", other.path,
                                  found.size() == 1 ? " stands in " : " stand in ", known.path,
                                  " too (first: row ", place_of(other.data, found[0].second_row), " is row ",
                                  place_of(known.data, found[0].first_row), ")");
  if (refuse && config.data.duplicates == Duplicates::refuse)
    fail_input(what, "; remove them, or set data.duplicates = \"warn\"");
  notes.push_back("warning: " + what);
}

void check_groups(const Config& config, const Part& known, const Part& other, bool refuse,
                  std::vector<std::string>& notes) {
  const std::set<std::string> groups = known.data.groups();
  std::set<std::string> shared;
  for (const std::string& group : other.data.groups())
    if (groups.count(group) > 0) shared.insert(group);
  if (shared.empty()) return;
  const std::string what =
      concat(counted(shared.size(), "group"), " of ", other.path,
             shared.size() == 1 ? " stands in " : " stand in ", known.path, " too (column ",
             in_quotes(config.data.group), ", first: ", in_quotes(*shared.begin()), ")");
  if (refuse && config.data.duplicates == Duplicates::refuse)
    fail_input(what, "; keep a group in one file, or set data.duplicates = \"warn\"");
  notes.push_back("warning: " + what);
}

}  // namespace

void check_apart(const Config& config, const Part& known, const Part& other, bool refuse,
                 std::vector<std::string>& notes) {
  check_duplicates(config, known, other, refuse, notes);
  check_groups(config, known, other, refuse, notes);
}

void note_contradictions(const Part& part, std::vector<std::string>& notes) {
  const Dataset& data = part.data;
  if (data.targets == Targets::numbers) return;
  std::vector<Duplicate> found = find_same_inputs(data, data);
  std::erase_if(found, [&](const Duplicate& pair) {
    return !answer_otherwise(data[pair.first_row], data[pair.second_row]);
  });
  if (found.empty()) return;
  notes.push_back(concat("warning: ", counted(found.size(), "row"), " of ", part.path,
                         found.size() == 1 ? " has" : " have", " what an earlier row has, under another ",
                         answer_of(data), " (first: row ", place_of(data, found[0].second_row), " is row ",
                         place_of(data, found[0].first_row), ")"));
}

}  // namespace thaw
