// What the reader makes of many safetensors files, for golden/check_safetensors.py.
//   read_safetensors     paths on standard input, one a line
// Prints for each a line of JSON: {"tensors": {NAME: [DTYPE, SHAPE, BEGIN, END]}, "metadata": {...}}, or
// {"refused": why}.
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "core/error.h"
#include "nn/safetensors.h"

namespace {

nlohmann::json contents(const std::string& path) {
  try {
    const thaw::SafetensorsFile file(path);
    nlohmann::json tensors = nlohmann::json::object();
    for (const thaw::SafetensorsEntry& entry : file.entries())
      tensors[entry.name] = {entry.dtype, entry.shape, entry.begin, entry.end};
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
