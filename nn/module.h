// Module: a tree of named parameters, buffers and children. Model: a module whose parameters are in groups,
// from bottom to top.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/autograd.h"
#include "core/trace.h"
#include "nn/model_input.h"
#include "nn/parameter.h"

namespace thaw {

// What a module does in training beside computing each sample's output from that sample alone.
struct TrainingEffects {
  bool draws = false;    // random numbers
  bool mixes = false;    // the samples of a batch
  bool updates = false;  // its buffers
};

class Module {
 public:
  Module() = default;
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  // The whole tree, depth first in order of registration, each once. Names are paths from the root.
  std::vector<ParameterPtr> parameters() const;
  std::vector<BufferPtr> buffers() const;
  std::vector<Module*> modules();  // this one first
  std::vector<const Module*> modules() const;

  // Training or evaluation mode. It changes no other switch: see BatchNorm and Dropout.
  void train(bool on = true);
  bool training() const { return training_; }

  // As its switches stand; of this module alone. Whether what it computes may be kept and used again depends on them.
  virtual TrainingEffects training_effects() const { return {}; }

  // Names every parameter, buffer and module below by its path. The root calls it once when the tree is
  // built.
  void set_path(const std::string& path);
  const std::string& path() const { return path_; }
  int scope() const { return scope_; }  // core/trace.h's number of path()

 protected:
  ParameterPtr add_parameter(const std::string& name, const Tensor& value, ParameterKind kind,
                             bool is_bias = false);
  // The same parameter under a second name (tied weights).
  void tie_parameter(const std::string& name, const ParameterPtr& parameter);
  BufferPtr add_buffer(const std::string& name, const Tensor& value);
  template <class M>
  M& add_module(const std::string& name, std::unique_ptr<M> module) {
    M& result = *module;
    children_.emplace_back(name, std::move(module));
    return result;
  }
  void remove_module(const Module& module);

 private:
  std::string path_;
  int scope_ = 0;
  bool training_ = true;
  std::vector<std::pair<std::string, ParameterPtr>> parameters_;  // local name, parameter
  std::vector<std::pair<std::string, BufferPtr>> buffers_;
  std::vector<std::pair<std::string, std::unique_ptr<Module>>> children_;
};

// A group of the freezing schedule: its name and the module paths (prefixes of parameter names) in it.
struct Group {
  std::string name;
  std::vector<std::string> prefixes;
};

class Linear;
class TokenRows;

// What passes from stage to stage of a model. Stages change `h` alone, the rest is as Model::begin made it; behind an
// encoder `h` becomes the `memory` of the decoder's stages.
struct ModelState {
  ModelInput x;  // what the model was given
  Tensor h =
      {};  // what the last stage gave: [B, ...], or a row for each token [N, C], those of a sample together
  std::shared_ptr<const TokenRows> rows = nullptr;     // of tokens: which row is which
  Tensor mask = {};                                    // of a decoder: the tokens that each one sees
  Tensor memory = {};                                  // what the encoder gave, for the decoder behind it
  std::shared_ptr<const TokenRows> written = nullptr;  // of x.written
};

class Model : public Module {
 public:
  // [B, ...] as the architecture defines -> logits [B, outputs], or of all samples' places [N, outputs].
  Tensor forward(const ModelInput& x);
  // The input of the output layer: [B, ...] -> [B, features].
  Tensor features(const ModelInput& x);

  // A forward pass in parts: what a model is made of. Each opens a TraceScope of the module that computes, by which
  // FLOPs are counted for its group.
  virtual ModelState begin(const ModelInput& x) = 0;         // InputError for a wrong shape
  virtual void run_group(int group, ModelState& state) = 0;  // any but the head
  // What the head reads of the last group's `h`, such as the mean of a text's tokens -> [B, ...]
  virtual Tensor pool(ModelState state) = 0;
  // The layers of the head below the output layer: what pool() gave -> [B, features]
  virtual Tensor head_features(const Tensor& pooled) { return pooled; }
  virtual Tensor output(const Tensor& features) = 0;  // the output layer -> [B, outputs]
  // Whether a sample has an output for each of its places, as many as Inputs::length() says, and not one alone.
  virtual bool gives_sequences() const { return false; }
  // Whether a pass through the group uses each of its parameters once. Where it does not, run again in backward it would
  // sum their gradients in another order, which are other bits.
  virtual bool uses_weights_once(int) const { return true; }
  // Whether it writes a text for each sample, with a decoder behind its encoder, and forward() gives a row for each token
  // that it was given.
  virtual bool writes() const { return false; }
  // The likeliest next token, one after another (greedily), behind what the encoder gave (after encoder_stages()): of each
  // sample the tokens behind the prompt, without the one that ends them.
  virtual std::vector<std::vector<std::int64_t>> write(const ModelState& encoded, const WritingRules& rules);
  // After more stages than these a pass cannot begin with `h` alone.
  virtual int encoder_stages() const { return stages(); }
  // Whether pool() computes with parameters of the head.
  virtual bool pools_with_parameters() const { return false; }

  // Stages are the groups below the head and, last of all, pool(). A pass may begin after any of them, with the `h` that
  // it gave for the same samples.
  int stages() const { return head() + 1; }
  void run_stages(int first, int end, ModelState& state);  // `first` to `end` - 1, one after another
  Tensor features_after(int stages, ModelState state);  // the rest of features() and forward() after so many
  Tensor forward_after(int stages, ModelState state);

  // Groups that keep nothing for backward: their forward pass runs again there. The same bits with less memory, for the
  // time of that pass. Not for groups with modules whose buffers a pass updates, nor
  // for those that do not use their weights once.
  void recompute(std::vector<int> groups) { recomputed_ = std::move(groups); }

  virtual const char* architecture() const = 0;
  // From bottom to top; the last is "head".
  const std::vector<Group>& groups() const { return groups_; }
  int head() const { return static_cast<int>(groups_.size()) - 1; }  // index of the last group
  // Shape of one sample, without the batch dimension.
  virtual Shape sample_shape() const = 0;
  // The prefix of every name in checkpoints except the classifier's; empty: none.
  virtual std::string_view prefix_in_file() const { return {}; }
  // The name that a parameter or buffer has in checkpoints of this architecture.
  virtual std::string name_in_file(const std::string& name) const { return name; }
  // The name that it has in transformers, where PEFT looks up an adapter's layer.
  virtual std::string name_in_peft(const std::string& name) const { return name_in_file(name); }
  // The inverse, from any name in use; nothing for what such checkpoints hold besides the model.
  virtual std::optional<std::string> name_in_model(const std::string& name_in_file) const {
    return name_in_file;
  }
  // Linear layers by path, for adapters.
  std::vector<Linear*> linears();
  // The last one, whose rows are the outputs: the part of a head that depends on the labels.
  const Linear& output_layer() const;
  // The layers that LoRA adapts by default, by the ends of their paths; empty: all below the head.
  virtual std::vector<std::string> lora_targets() const { return {}; }
  // Likewise the layers that bottleneck adapters follow; empty: they have to be named.
  virtual std::vector<std::string> bottleneck_targets() const { return {}; }
  // Assigns names and groups again after modules were added or removed (adapters).
  void refresh();
  // Index of the group that a dotted name belongs to, or -1.
  int group_of(const std::string& dotted_name) const;

 protected:
  // Ends construction: sets paths and group indices. Error where a parameter belongs to no group, the last group is not
  // "head", or the output layer is not in it.
  void finish(std::vector<Group> groups);

 private:
  void run_again_in_backward(int group, ModelState& state);

  std::vector<Group> groups_;
  std::vector<int> recomputed_;
};

}  // namespace thaw
