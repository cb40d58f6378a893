// The models that a comparison leaves in DIR/<strategy>/seed-<n>/, and which of them to use.
#pragma once

#include <cstdint>
#include <string>

namespace thaw {

struct ComparedModel {
  std::string strategy;
  std::uint64_t seed = 0;
  std::string folder;  // of its run
  std::string why;     // it and no other: "the best on the validation data, accuracy 0.95, of head's runs"
};

// What `thaw compare` wrote, or is writing.
bool is_comparison_folder(const std::string& path);

// Of the strategy's runs the best on the validation data; without a name of the strategy with the best mean
// on them, baselines apart. Ties go to the first of the table and to the lower seed. Test data choose
// nothing. InputError where there is no such run.
ComparedModel find_compared_model(const std::string& comparison, const std::string& strategy = "");

}  // namespace thaw
