// Metrics as JSON. For the few sources that hold nlohmann/json; no other header includes it.
#pragma once

#include <cmath>
#include <nlohmann/json.hpp>

#include "finetune/evaluate.h"

namespace thaw {

// JSON has no NaN or infinity: they become null, as JavaScript writes them.
inline nlohmann::ordered_json json_number(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
}

inline nlohmann::ordered_json metrics_json(const Metrics& metrics) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto& [name, value] : metrics) json[name] = json_number(value);
  return json;
}

}  // namespace thaw
