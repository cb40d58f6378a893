// Numbers with units, for tables that people read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace thaw {

std::string short_number(double value, int digits = 4);  // significant digits: "0.9731"
std::string fixed_number(double value, int digits);      // (0.5, 2) -> "0.50"
std::string bytes_text(double bytes);                    // "1.5 MB": decimal units

// An amount of bytes as a user writes it: "2GB", "512 MB", "0"; decimal units, or "MiB" and the like.
struct ByteSize {
  std::int64_t bytes = 0;
  bool operator==(const ByteSize& other) const = default;
};
std::optional<ByteSize> parse_bytes(std::string_view text);  // nothing for a text that is none
std::string to_text(ByteSize size);

std::string flops_text(double flops);      // "2.1 GFLOP"
std::string percent_text(double share);    // 0.123 -> "12.3 %"
std::string seconds_text(double seconds);  // "12.3 ms", "1.2 s", "14 min", "2.1 h"

}  // namespace thaw
