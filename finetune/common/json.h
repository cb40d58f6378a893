// JSON as thaw writes it: an object keeps its keys in the order in which they were put. For the few sources
// that hold nlohmann/json; what is read from strangers is a nlohmann::json (nn/io/json_file.h).
#pragma once

#include <nlohmann/json.hpp>

namespace thaw {

using Json = nlohmann::ordered_json;

}  // namespace thaw
