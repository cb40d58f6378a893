// What the reader makes of many safetensors files, for golden/check_safetensors.py.
//   read_safetensors     paths on standard input, one a line
// Prints for each a line of JSON: {"tensors": {NAME: [DTYPE, SHAPE, BYTES]}, "metadata": {...}}, or
// {"refused": why}. BYTES are those of the loaded tensor in hexadecimal digits, or {"refused": why}.
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "core/error.h"
#include "nn/io/safetensors.h"

namespace {

std::string hex(const thaw::Tensor& tensor) {
  constexpr const char* kDigits = "0123456789abcdef";
  const thaw::ConstView view = tensor;
  const auto* bytes = static_cast<const unsigned char*>(view.data);
  std::string text;
  for (std::int64_t i = 0; i < tensor.bytes(); ++i) text += {kDigits[bytes[i] >> 4], kDigits[bytes[i] & 15]};
  return text;
}

nlohmann::json loaded(const thaw::SafetensorsFile& file, const std::string& name) {
  try {
    return hex(file.load(name));
  } catch (const thaw::InputError& error) {
    return {{"refused", error.what()}};
  }
}

nlohmann::json contents(const std::string& path) {
  try {
    const thaw::SafetensorsFile file(path);
    nlohmann::json tensors = nlohmann::json::object();
    for (const thaw::SafetensorsEntry& entry : file.entries())
      tensors[entry.name] = {entry.dtype, entry.shape, loaded(file, entry.name)};
    return {{"tensors", tensors}, {"metadata", file.metadata()}};
  } catch (const thaw::InputError& error) {
    return {{"refused", error.what()}};
  }
}

}  // namespace

int main() {
  std::string path;
  while (std::getline(std::cin, path))
    std::puts(contents(path).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace).c_str());
}
