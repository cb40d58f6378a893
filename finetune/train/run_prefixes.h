// RunPrefixes: what a run has to do with the prefix cache. It follows the ledger's rows, and knows what the run would have
// taken if other runs had left it nothing.
#pragma once

#include <cstdint>
#include <memory>

#include "finetune/cache/prefix_cache.h"
#include "finetune/config/config.h"
#include "finetune/preprocess/prepared_data.h"
#include "finetune/train/ledger.h"
#include "finetune/train/run_setup.h"

namespace thaw {

class RunPrefixes {
 public:
  // Nothing is kept where train.cache is "off".
  RunPrefixes(const Config& config, const RunSetup& setup, Model& model)
      : config_(config), setup_(setup), model_(model) {}

  // Where what frozen stages give is kept, for this run and others.
  void keep_in(PrefixStore& store);
  // Without keep_in(): in memory, for this run alone.
  void keep_for_this_run(PrefixStore::Message message);
  // A row of the ledger is in force; the model's switches are set.
  void enter(const LedgerPhase& row);

  PrefixCache* cache() { return cache_.get(); }  // null: nothing is kept

  // How much longer, since the last call, updates would have taken if other runs had left nothing.
  double shared_seconds();
  double shared_seconds_in_evaluation();  // the same for evaluations
  // Of a run of its own whose training took `measured` at the peak: with what the rows that so many updates came to keep of
  // training and validation data, and computed for it if other runs had left nothing.
  std::int64_t peak_bytes(std::int64_t measured, const Ledger& ledger, std::int64_t completed,
                          const PreparedData& data) const;

 private:
  const Config& config_;
  const RunSetup& setup_;
  Model& model_;
  std::unique_ptr<PrefixStore> own_;
  std::unique_ptr<PrefixCache> cache_;
  double shared_so_far_ = 0, shared_in_evaluation_ = 0;
};

}  // namespace thaw
