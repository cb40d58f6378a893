// Keys whose value is one of a few names.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "finetune/data/corrupt.h"
#include "nn/optim/schedule.h"

namespace thaw {

enum class OptimizerKind { adamw, sgd };
enum class NanAction { stop, skip, rollback };  // of a loss or gradient that is not finite
enum class Duplicates { refuse, warn };
enum class Standardize { unset, train, model, where_known, never };  // data.standardize, standardize_target
enum class Missing { refuse, median };                               // of features

// As a config writes them, in the order of the values; an empty name is that of a key that is not given.
const std::vector<std::string>& names_of(OptimizerKind);
const std::vector<std::string>& names_of(NanAction);
const std::vector<std::string>& names_of(Standardize);
const std::vector<std::string>& names_of(Missing);
const std::vector<std::string>& names_of(Duplicates);
template <class Choice>
const std::string& name_of(Choice choice) {
  return names_of(choice)[static_cast<std::size_t>(choice)];
}

}  // namespace thaw
