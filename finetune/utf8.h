// Well-formed UTF-8 (Unicode 15, table 3-7).
#pragma once

#include <cstddef>
#include <string_view>

namespace thaw {

// Bytes, 1 to 4, of the well-formed sequence at the front of `text`; 0 where there is none.
std::size_t utf8_sequence(std::string_view text);

}  // namespace thaw
