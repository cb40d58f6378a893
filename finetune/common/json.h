// JSON as thaw writes it: an object keeps its keys in the order in which they were put. For the few sources
// that hold nlohmann/json; what is read from strangers is a nlohmann::json (nn/io/json_file.h).
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace thaw {

using Json = nlohmann::ordered_json;

// As text. Bytes that are no UTF-8, such as those of a file's name, become U+FFFD: what took hours is not lost for a name.
// On one line, without its end.
inline std::string json_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}
// Indented, a whole file.
inline std::string json_document(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace thaw
