// The keys of a config as tables: a line per key with its name, the member it fills and what its value may
// be. Reading, writing and the search for a mistyped key's neighbour all go by them.
#pragma once

#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "finetune/common/text.h"
#include "finetune/config/config.h"

namespace thaw {

inline std::vector<std::string> quoted(std::vector<std::string> names) {
  for (std::string& name : names) name = in_quotes(name);
  return names;
}

// What is wrong with a value and what to write instead; an empty `what` is no problem.
struct Problem {
  std::string what;
  std::string mend;
};

// What a value may be. Bounds are for numbers, and for each number of a list.
struct Rule {
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  bool least_allowed = true;  // least itself is a good value
  bool most_allowed = true;
  std::vector<std::string> choices;                // of texts; empty: any
  Problem (*check)(const std::string&) = nullptr;  // of texts
  bool is_path = false;                            // made absolute
  bool is_unset_by_default = false;                // an empty or zero member means that the key was not given
  bool may_be_flag = false;                        // of texts: true and false are "true" and "false"
  bool may_be_integer = false;                     // of texts: 1 is "1"
  bool may_be_empty = false;                       // of choices: "" is as if the key were not given
  std::vector<std::string> owners;  // optimizers or architectures that have this option; empty: all

  Rule of(std::vector<std::string> those) && {
    owners = std::move(those);
    return std::move(*this);
  }
  bool is_of(const std::string& owner) const {
    return owners.empty() || std::find(owners.begin(), owners.end(), owner) != owners.end();
  }
  Rule or_flag() && {
    may_be_flag = true;
    return std::move(*this);
  }
  Rule or_integer() && {
    may_be_integer = true;
    return std::move(*this);
  }
  Rule or_empty() && {
    may_be_empty = true;
    return std::move(*this);
  }
  Rule unset() && {
    is_unset_by_default = true;
    return std::move(*this);
  }
};

// Two numbers in one array.
template <class Section>
struct NumberPair {
  double Section::*first;
  double Section::*second;
};

using LabelLists = std::map<std::string, std::vector<std::string>>;  // TOML: { "a" = ["0", "6"] }
using NamedNumbers = std::map<std::string, double>;                  // TOML: { "a" = 0.1 }
using NamedTexts = std::map<std::string, std::string>;               // TOML: { "a" = "b" }

template <class Section>
using Member =
    std::variant<bool Section::*, std::int64_t Section::*, std::uint64_t Section::*, double Section::*,
                 std::string Section::*, std::vector<std::int64_t> Section::*, std::vector<double> Section::*,
                 std::vector<std::string> Section::*, LabelLists Section::*, NamedNumbers Section::*,
                 NamedTexts Section::*, ClassWeights Section::*, std::optional<double> Section::*,
                 std::optional<std::string> Section::*, Period Section::*, std::optional<ByteSize> Section::*,
                 OptimizerKind Section::*, NanAction Section::*, Standardize Section::*, Missing Section::*,
                 Duplicates Section::*, Corruption Section::*, std::optional<ScheduleKind> Section::*,
                 NumberPair<Section>>;

template <class Section>
struct Key {
  const char* name;
  const char* about;  // for `thaw help config`
  Member<Section> member;
  Rule rule = {};
};

const std::vector<Key<ModelSection>>& model_keys();
const std::vector<Key<DataSection>>& data_keys();
const std::vector<Key<TrainSection>>& train_keys();
const std::vector<Key<CompareSection>>& compare_keys();

// The optimizer or architecture in use, whose options apply.
inline const std::string& owner_of_options(const ModelSection& model) { return model.from; }
inline const std::string& owner_of_options(const TrainSection& train) { return name_of(train.optimizer); }
inline std::string owner_of_options(const DataSection&) { return {}; }
inline std::string owner_of_options(const CompareSection&) { return {}; }

// Pairs of keys of which a config gives one at most.
struct Alternatives {
  const char* section;
  const char* first;
  const char* second;
};
const std::vector<Alternatives>& alternatives();

}  // namespace thaw
