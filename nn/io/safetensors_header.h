// The header of a safetensors file: JSON with each tensor's dtype, shape and bytes.
//   {"__metadata__": {"format": "pt"},
//    "head.bias": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}, ...}
// Everything is checked here, before memory is allocated for any tensor. Format:
// github.com/huggingface/safetensors.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace thaw {

inline constexpr std::int64_t kMaxSafetensorsHeader = 100'000'000;  // bytes, the format's own limit
inline constexpr std::size_t kMaxSafetensorsTensors = 1'000'000;
inline constexpr std::size_t kMaxSafetensorsRank = 8;

struct SafetensorsEntry {
  std::string name;
  std::string dtype;                // as the format calls it: "F32", "BF16", ...
  std::vector<std::int64_t> shape;  // empty for a scalar
  std::int64_t begin = 0;           // bytes [begin, end) of the data that follow the header
  std::int64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  // in the order of their bytes, without gaps
  std::map<std::string, std::string> metadata;
};

// Reads and checks the header of a file with `data_bytes` bytes after it. Stricter than the reference reader:
// keys may not repeat, unknown keys and `null` are refused, and numbers fit 63 bits. Throws InputError.
SafetensorsHeader parse_safetensors_header(std::string_view json, std::int64_t data_bytes,
                                           const std::string& path);

// The header as the reference writer writes it, padded with spaces to a multiple of 8 bytes. Throws Error for
// names that are not UTF-8, occur twice or are reserved.
std::string write_safetensors_header(const SafetensorsHeader& header, const std::string& path);

// Position of a dtype in the format's order of alignment (BOOL lowest, U64 highest), or -1 for a dtype that
// the format does not have.
int safetensors_dtype_order(std::string_view dtype);

// "[2, 3]".
std::string shape_text(const std::vector<std::int64_t>& shape);

// A name for a one-line message: quoted, escaped and not too long.
std::string quoted_name(const std::string& name);

}  // namespace thaw
