#include "nn/models/sound_head.h"

#include "nn/io/json_file.h"
#include "nn/models/checkpoint_class.h"
#include "nn/models/labels.h"
#include "nn/models/transformer.h"

namespace thaw {

bool is_sound_head(const std::string& name) {
  for (const char* layer : {kCharacterHead, kProjector, kSoundClassifier})
    if (name.starts_with(std::string(layer) + ".")) return true;
  return false;
}

bool is_other_sound_head(const Model& model, const std::string& name) {
  return is_sound_head(name) && model.group_of(name) < 0;
}

void read_sound_head(const nlohmann::json& json, const std::string& path, const char* classifier,
                     ModelConfig& config) {
  config.pools_places = class_in(json).ends_with(classifier);
  read_optional_field(json, "classifier_proj_size", path, config.projection);
  check_size_in("size below its classifier", config.projection, 1 << 16, path);
  read_labels(json, path, config);
}

void write_sound_head(const ModelConfig& config, const char* classifier, const char* recogniser,
                      nlohmann::ordered_json& json) {
  json["architectures"] = {config.pools_places ? classifier : recogniser};
  json["classifier_proj_size"] = config.projection;
  json["use_weighted_layer_sum"] = false;
  write_labels(config, json);
}

}  // namespace thaw
