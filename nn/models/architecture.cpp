#include "nn/models/architecture.h"

namespace thaw {

void read_thaw_fields(const nlohmann::json& json, const std::string& path, ModelConfig& config) {
  read_field(json, "dropout", path, config.dropout);
  read_field(json, "sample_shape", path, config.sample_shape);
  read_field(json, "outputs", path, config.outputs);
}

void write_thaw_fields(const ModelConfig& config, nlohmann::ordered_json& json) {
  json["dropout"] = config.dropout;
  json["sample_shape"] = config.sample_shape;
  json["outputs"] = config.outputs;
}

}  // namespace thaw
