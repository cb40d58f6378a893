// Values of a config's enumerations by the names that a config has for them.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "finetune/config/choices.h"

namespace thaw::test {

template <class Choice>
Choice choice_named(const std::string& name) {
  const std::vector<std::string>& names = names_of(Choice{});
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) throw std::logic_error(name);
  return static_cast<Choice>(found - names.begin());
}

}  // namespace thaw::test
