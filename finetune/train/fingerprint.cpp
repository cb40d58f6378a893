#include "finetune/train/fingerprint.h"

#include "finetune/config/config_text.h"
#include "nn/io/sha256.h"

namespace thaw {

std::string hash_of_inputs(const PreparedData& data) {
  Sha256 hash;
  for (const Dataset* part : {&data.train, &*data.validation}) {
    for (std::int64_t row = 0; row < part->size(); ++row) part->inputs->hash_sample(row, hash);
    hash_answers(*part, hash);
    for (const Sample& sample : part->samples) hash.update(&sample.id, sizeof sample.id);
    for (const auto* names : {&part->columns, &part->classes})
      for (const std::string& name : *names) hash.update(name.c_str(), name.size() + 1);
  }
  return hash.hex();
}

std::string run_fingerprint(const Config& config, const PreparedData& data) {
  return sha256_hex(to_toml(config) + hash_of_inputs(data));
}

}  // namespace thaw
