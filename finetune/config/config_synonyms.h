// What other programs call a key.
#pragma once

#include <string>

namespace thaw {

// The key that was meant by one that there is not, by what other programs call it or by the section that has
// it: "train.lr" for learning_rate. Empty where none is. `section`: empty for a key in none.
std::string meant_key(const std::string& section, const std::string& name);

}  // namespace thaw
