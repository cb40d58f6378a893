// What convolutional networks from folders share: images of any size, a stem and stages made of parts, the mean of each
// channel as what the head reads, dropout before the classifier.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "nn/layers/dropout.h"
#include "nn/layers/linear.h"
#include "nn/models/registry.h"

namespace thaw {

// [B, C, H, W] -> [B, C', H', W']
class ConvPart : public Module {
 public:
  virtual Tensor forward(const Tensor& x) = 0;
};

class ConvNet : public Model {
 public:
  // Images [B, C, H, W] -> logits [B, outputs].
  ModelState begin(const ModelInput& x) override;
  void run_group(int group, ModelState& state) override;
  Tensor pool(ModelState state) override;  // [B, C']
  Tensor output(const Tensor& features) override;
  Shape sample_shape() const override { return sample_shape_; }

 protected:
  explicit ConvNet(const ModelConfig& config);

  void add_group(const std::string& name);
  // To the last group, after its other parts.
  void add_part(const std::string& path, std::unique_ptr<ConvPart> part);
  // One whose modules lie in the model itself, under these names.
  void add_part(std::unique_ptr<ConvPart> part, const std::vector<std::string>& names);
  // Ends construction. `head`: what else is in it.
  void finish_with_classifier(const std::string& name, std::int64_t features, const ModelConfig& config,
                              const Init& init, std::vector<std::string> head = {});

 private:
  Shape sample_shape_;
  std::vector<std::vector<ConvPart*>> parts_;  // of each group below the head
  std::vector<Group> groups_below_;
  Dropout* dropout_ = nullptr;
  Linear* classifier_ = nullptr;
};

// A network of Hugging Face's, whose checkpoints have one prefix before all names but the classifier's.
class PrefixedConvNet : public ConvNet {
 public:
  std::string_view prefix_in_file() const override { return prefix_; }
  std::string name_in_file(const std::string& name) const override;
  std::optional<std::string> name_in_model(const std::string& name_in_file) const override;

 protected:
  PrefixedConvNet(const ModelConfig& config, std::string_view prefix) : ConvNet(config), prefix_(prefix) {}

 private:
  std::string_view prefix_;
};

// A side of no image: where a least side comes to it, nothing is large enough.
inline constexpr std::int64_t kLargestImageSide = std::int64_t{1} << 20;
// InputError where the sample's height or width is below `least`.
void check_image_size(const ModelConfig& config, std::int64_t least);

// From and to config.json; `path` names the file in errors. Sizes are checked: each at least 1 and small enough that no
// product overflows.

// num_channels, and image_size, a number or [height, width]; 3 and 224 where they are missing.
void read_image_shape(const nlohmann::json& json, const std::string& path, ModelConfig& config);
void write_image_shape(const ModelConfig& config, nlohmann::ordered_json& json);
// hidden_sizes and depths of the stages, which then have stride 2 but for the first.
void read_hidden_stages(const nlohmann::json& json, const std::string& path, ConvNetConfig& config);
// `stages`: a list of objects with these keys, in thaw's own folders. Keys that are missing are an error.
struct StageKey {
  const char* name;
  std::int64_t ConvStage::*size;
};
void read_stages(const nlohmann::json& json, const std::string& path, const std::vector<StageKey>& keys,
                 ConvNetConfig& config);
void write_stages(const ConvNetConfig& config, const std::vector<StageKey>& keys,
                  nlohmann::ordered_json& json);
void check_conv_net_in(const ConvNetConfig& config, const std::string& path);

}  // namespace thaw
