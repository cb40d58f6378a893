// Numbers with units, for tables that people read.
#pragma once

#include <string>

namespace thaw {

std::string short_number(double value, int digits = 4);  // significant digits: "0.9731"
std::string fixed_number(double value, int digits);      // (0.5, 2) -> "0.50"
std::string bytes_text(double bytes);                    // "1.5 MB": decimal units
std::string flops_text(double flops);                    // "2.1 GFLOP"
std::string percent_text(double share);                  // 0.123 -> "12.3 %"

}  // namespace thaw
