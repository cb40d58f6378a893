#include "finetune/train/prefix_setup.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>
#include <variant>

#include "core/error.h"
#include "finetune/cache/cache_folder.h"
#include "finetune/common/text.h"

namespace thaw {
namespace {

constexpr std::int64_t kShareOfMemory = 4, kShareOfDisk = 10;  // one part of so many

std::int64_t free_memory() {
  std::ifstream info("/proc/meminfo");
  std::string name;
  for (std::int64_t kilobytes = 0; info >> name >> kilobytes; info.ignore(64, '\n'))
    if (name == "MemAvailable:") return kilobytes * 1024;
  return 0;
}

// Of the file system that the folder is on, or will be.
std::int64_t free_disk(std::filesystem::path folder) {
  std::error_code error;
  folder = std::filesystem::absolute(folder, error);
  while (!std::filesystem::exists(folder, error) && folder.has_relative_path()) folder = folder.parent_path();
  const auto space = std::filesystem::space(folder, error);
  return error ? 0 : static_cast<std::int64_t>(space.available);
}

}  // namespace

// All but what concerns the last layer alone, and dropout, which is off in whatever is kept.
std::string network_text(const ModelConfig& config, const std::optional<AdapterSpec>& adapters) {
  std::string text;
  const auto add = [&text](const auto& value) { text += concat(value, '\n'); };
  add(config.architecture);
  for (const std::int64_t size : config.sample_shape) add(size);
  add("hidden");
  for (const std::int64_t size : config.hidden) add(size);
  add(config.activation);
  add(config.width);
  add(config.depth);
  add(config.mels);
  add(config.pools_places);
  const TransformerConfig& t = config.transformer;
  for (const std::int64_t size : {t.vocab_size, t.positions, t.token_types, t.pad_id, t.first_position,
                                  t.patch_size, t.hidden_size, t.layers, t.heads, t.intermediate_size})
    add(size);
  add(t.activation);
  add(exact_number(t.layer_norm_eps));
  add(t.pooling);
  const ConvNetConfig& c = config.conv_net;
  for (const std::int64_t size : {c.stem_channels, c.last_channels, c.patch_size}) add(size);
  for (const ConvStage& stage : c.stages)
    for (const std::int64_t size :
         {stage.channels, stage.depth, stage.kernel, stage.stride, stage.expansion, stage.squeeze})
      add(size);
  add(concat(c.bottleneck, ' ', c.stride_in_first_conv, ' ', c.activation));
  for (const double value : {c.norm_eps, c.layer_scale}) add(exact_number(value));
  const DecoderConfig& d = config.decoder;
  for (const std::int64_t size : {std::int64_t{d.writes}, d.heads}) add(size);
  const WaveConfig& w = config.wave;
  for (const std::int64_t stride : w.strides) add(stride);
  add(w.position_groups);
  add(concat(w.group_norm, ' ', w.feature_norm, ' ', w.pre_norm));
  if (config.adapters) {
    add(concat("bottleneck ", config.adapters->options.size, ' ', config.adapters->options.activation));
    for (const std::string& layer : config.adapters->layers) add(layer);
  }
  if (!adapters) return text;
  if (const auto* lora = std::get_if<LoraOptions>(&adapters->layer)) {
    text += concat("lora ", lora->r, ' ', lora->alpha, ' ', lora->rslora, ' ', lora->dora);
    for (const LayerLora& layer : adapters->layers)
      text += concat(' ', layer.path, ' ', layer.r, ' ', layer.alpha);
  } else {
    const auto& bottleneck = std::get<BottleneckOptions>(adapters->layer);
    text += concat("bottleneck ", bottleneck.size, ' ', bottleneck.activation);
  }
  return text;
}

std::int64_t cache_memory(const TrainSection& train) {
  if (train.cache_memory) return train.cache_memory->bytes;
  // The workers of a comparison, which the one that starts them tells how many they are.
  const char* workers = std::getenv(kWorkersVariable);
  const std::int64_t processes = workers == nullptr ? 1 : std::clamp(std::atoi(workers), 1, 1000);
  return free_memory() / kShareOfMemory / processes;
}

std::unique_ptr<PrefixStore> prefix_store_in_memory(const TrainSection& train, PrefixStore::Message message) {
  if (train.cache == "off") return nullptr;
  return std::make_unique<PrefixStore>(PrefixStore::Limits{cache_memory(train), 0}, "", std::move(message));
}

std::unique_ptr<PrefixStore> open_prefix_store(const TrainSection& train, PrefixStore::Message message) {
  if (train.cache == "off") return nullptr;
  const bool wants_none = train.cache_disk && train.cache_disk->bytes == 0;
  const std::string folder = wants_none ? "" : cache_folder();
  const std::int64_t disk = train.cache_disk ? train.cache_disk->bytes : free_disk(folder) / kShareOfDisk;
  return std::make_unique<PrefixStore>(PrefixStore::Limits{cache_memory(train), disk}, folder,
                                       std::move(message));
}

}  // namespace thaw
