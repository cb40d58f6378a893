#include "finetune/train/run_prefixes.h"

#include <algorithm>
#include <set>
#include <utility>

#include "finetune/train/prefix_setup.h"

namespace thaw {
namespace {

double since(double& before, const PrefixCache::Account& account) {
  const double shared = account.alone_seconds - account.spent_seconds;
  return shared - std::exchange(before, shared);
}

}  // namespace

void RunPrefixes::keep_in(PrefixStore& store) {
  if (config_.train.cache == "off") return;
  const std::string network = network_text(setup_.model_config, setup_.strategy.adapters);
  cache_ = std::make_unique<PrefixCache>(model_, network, config_.model.from, store);
}

void RunPrefixes::keep_for_this_run(PrefixStore::Message message) {
  if (cache_ != nullptr) return;
  own_ = prefix_store_in_memory(config_.train, std::move(message));
  if (own_ != nullptr) keep_in(*own_);
}

void RunPrefixes::enter(const LedgerPhase& row) {
  if (cache_ != nullptr) cache_->use(row.prefix.training, row.prefix.evaluation);
}

double RunPrefixes::shared_seconds() {
  return cache_ == nullptr ? 0 : since(shared_so_far_, cache_->training());
}

double RunPrefixes::shared_seconds_in_evaluation() {
  return cache_ == nullptr ? 0 : since(shared_in_evaluation_, cache_->evaluation());
}

std::int64_t RunPrefixes::peak_bytes(std::int64_t measured, const Ledger& ledger, std::int64_t completed,
                                     const PreparedData& data) const {
  if (cache_ == nullptr) return measured;
  std::set<int> in_training, in_evaluation;
  const auto add = [](const PrefixCache::Use& use, std::set<int>& stages) {
    stages.insert(use.stages);
    stages.insert(use.kept.begin(), use.kept.end());
  };
  for (const LedgerPhase& row : ledger.phases) {
    if (row.begin >= completed) break;
    add(row.prefix.training, in_training);
    if (row.prefix.computed > 0) measured = std::max(measured, row.prefix.peak_bytes);
    add(row.prefix.evaluation, in_evaluation);
  }
  const std::int64_t bytes = bytes_of_entries(*setup_.model, data.train, in_training) +
                             bytes_of_entries(*setup_.model, data.validation, in_evaluation);
  return measured + std::min(bytes, cache_->store().memory_limit());
}

}  // namespace thaw
