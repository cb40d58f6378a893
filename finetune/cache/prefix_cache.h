// PrefixCache: forward passes of one model that take what its lowest stages give from a store, and put there what it does
// not have yet. The results have the same bits as without it. An entry's name holds all that it depends on; whether a stage
// is constant at all is asked of the model whenever its switches change (constant_prefix.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "finetune/cache/constant_prefix.h"
#include "finetune/cache/prefix_store.h"
#include "finetune/data/dataset.h"
#include "nn/module.h"

namespace thaw {

class PrefixCache {
 public:
  // How many stages' outputs are taken from the store, and the stages whose outputs are put there on the way, for later.
  struct Use {
    int stages = 0;  // 0: none
    std::vector<int> kept = {};
  };
  struct Account {
    double spent_seconds = 0;  // of computing entries
    double alone_seconds = 0;  // the same if the store had been empty at first
  };

  // `network`: all beside weights that decides what `model` computes, but for its last layer and dropout. `origin`: where
  // its weights come from, for people.
  PrefixCache(Model& model, std::string network, std::string origin, PrefixStore& store);

  // From now on. More stages than are constant as the model's switches stand are not used.
  void use(const Use& in_training, const Use& in_evaluation);

  // This run has been through all samples with the entries in use, in an earlier session: they are charged for.
  void assume_used(const Dataset& data);

  // Hashes the samples, as the first pass over some of them does otherwise.
  void hash_samples(const Dataset& data) { samples_of(data); }

  // As Model::forward and features, of these rows of the data, in the mode in which the model is.
  Tensor forward(const Dataset& data, const std::vector<std::int64_t>& rows);
  // Of a model that writes: what its encoder gives.
  ModelState encoded(const Dataset& data, const std::vector<std::int64_t>& rows);
  Tensor features(const Dataset& data, const std::vector<std::int64_t>& rows);

  const Account& training() const { return accounts_[0]; }
  const Account& evaluation() const { return accounts_[1]; }
  PrefixStore& store() { return store_; }

 private:
  // What the store had not: the last stage's output for some rows, one after another.
  struct Computed {
    Tensor h;
    std::vector<std::int64_t> rows, counts;  // of `h`, for each of `rows`
  };

  // How many are taken from the store for these data: none in training where they change from pass to pass.
  int stages_for(const Dataset& data) const;
  // The state after so many stages.
  ModelState state_after(int stages, const Dataset& data, const std::vector<std::int64_t>& rows);
  Computed compute(int stages, const Dataset& data, const std::vector<std::int64_t>& rows);
  // Undefined where an entry turns out to be damaged.
  Tensor assemble(int stages, const Dataset& data, const std::vector<std::int64_t>& rows,
                  const Computed& computed);
  int highest_known(int below, const Dataset& data, const std::vector<std::int64_t>& rows);
  std::vector<std::int64_t> counts_of(int stages, const Tensor& h, const Dataset& data,
                                      const std::vector<std::int64_t>& rows) const;
  void put(int stages, const Computed& computed, const Dataset& data, double seconds);
  void count_use(int stages, const Dataset& data, const std::vector<std::int64_t>& rows,
                 const std::vector<std::int64_t>& counts, const std::vector<std::int64_t>& computed);

  std::uint64_t bits_in_use() const;  // of Samples::used: those of current()

  PrefixEntries& entries(int stages);
  void make_names();
  std::uint64_t state_of_weights() const;
  const std::vector<SampleKey>& keys_of(const Dataset& data) { return samples_of(data).keys; }
  const Use& current() const { return uses_[model_.training() ? 0 : 1]; }
  Account& account() { return accounts_[model_.training() ? 0 : 1]; }

  Model& model_;
  std::string network_, origin_;
  PrefixStore& store_;
  Use uses_[2];  // in training, in evaluation
  Account accounts_[2];
  std::vector<ParameterPtr> parameters_;  // of the stages in use
  std::vector<BufferPtr> buffers_;
  std::uint64_t named_state_ = 0;        // of the weights that `names_` are of
  std::vector<PrefixName> names_;        // by number of stages
  std::vector<PrefixEntries*> entries_;  // the same; null: not opened
  struct Samples {
    std::shared_ptr<const Inputs> inputs;  // so that no other is made at its address
    std::vector<SampleKey> keys;
    // Per row a bit for each number of stages of which this run has used or computed the entry.
    std::vector<std::uint64_t> used;
  };
  Samples& samples_of(const Dataset& data);
  std::unordered_map<const Inputs*, Samples> samples_;
};

}  // namespace thaw
