// Values as TOML writes them.
#pragma once

#include <string>

namespace thaw {

// In double quotes, what may not stand there escaped.
std::string toml_string(const std::string& text);

// The shortest text that reads back to the same double, and as a float.
std::string toml_number(double value);

}  // namespace thaw
