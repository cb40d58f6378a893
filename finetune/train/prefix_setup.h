// What the prefix cache of a run is made with.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "finetune/cache/prefix_store.h"
#include "finetune/config/config.h"
#include "finetune/plan/strategy.h"
#include "nn/models/registry.h"

namespace thaw {

// All beside weights that decides what a model's stages compute: PrefixCache's `network`.
std::string network_text(const ModelConfig& config, const std::optional<AdapterSpec>& adapters);

// How many processes on this machine share its memory, where not one alone.
inline constexpr const char* kWorkersVariable = "THAW_WORKERS";

// What the config allows, else a quarter of the memory that is free now.
std::int64_t cache_memory(const TrainSection& train);
// A store in memory within that. Null where train.cache is "off".
std::unique_ptr<PrefixStore> prefix_store_in_memory(const TrainSection& train, PrefixStore::Message message);
// A store in memory and in cache_folder(), within what the config allows, else a tenth of the disk space that is free now.
// Null where train.cache is "off".
std::unique_ptr<PrefixStore> open_prefix_store(const TrainSection& train, PrefixStore::Message message);

}  // namespace thaw
