#include "finetune/train/fingerprint.h"

#include "finetune/config/config_text.h"
#include "nn/io/sha256.h"

namespace thaw {

std::string hash_of_inputs(const PreparedData& data) {
  Sha256 hash;
  for (const Dataset* part : {&data.train, &*data.validation}) {
    hash.update(part->x.data(), part->x.size() * sizeof(float));
    for (const std::vector<std::int64_t>& tokens : part->tokens) {
      hash.update(std::to_string(tokens.size()) + '\n');
      hash.update(tokens.data(), tokens.size() * sizeof(std::int64_t));
    }
    for (const std::vector<std::int64_t>& types : part->types)
      hash.update(types.data(), types.size() * sizeof(std::int64_t));
    hash.update(std::to_string(part->pad_id));
    hash.update(part->label.data(), part->label.size() * sizeof(std::int64_t));
    hash.update(part->target.data(), part->target.size() * sizeof(double));
    hash.update(part->id.data(), part->id.size() * sizeof(std::int64_t));
    for (const auto* names : {&part->columns, &part->classes})
      for (const std::string& name : *names) hash.update(name.c_str(), name.size() + 1);
  }
  return hash.hex();
}

std::string run_fingerprint(const Config& config, const PreparedData& data) {
  return sha256_hex(to_toml(config) + hash_of_inputs(data));
}

}  // namespace thaw
