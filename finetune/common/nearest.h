// The known name that a mistyped one is nearest to, for error messages.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace thaw {

// By Levenshtein distance, the first of equals; "" if none is nearer than about a third of the name's length.
std::string nearest_name(std::string_view name, const std::vector<std::string>& known);

// "; did you mean \"layers.0\"?", or "" if no known name is near.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& known);

}  // namespace thaw
