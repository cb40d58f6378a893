#include "finetune/config/config_synonyms.h"

#include <algorithm>

#include "core/error.h"
#include "finetune/config/config_keys.h"

namespace thaw {
namespace {

// In transformers, fastai, Lightning, scikit-learn.
struct Synonym {
  const char* name;
  const char* section;
  const char* key;
};
constexpr Synonym kSynonyms[] = {
    {"learning_rate", "train", "lr"},
    {"max_lr", "train", "lr"},
    {"rate", "train", "lr"},
    {"batch", "train", "batch_size"},
    {"bs", "train", "batch_size"},
    {"per_device_train_batch_size", "train", "batch_size"},
    {"n_epochs", "train", "epochs"},
    {"num_epochs", "train", "epochs"},
    {"max_epochs", "train", "epochs"},
    {"num_train_epochs", "train", "epochs"},
    {"max_steps", "train", "steps"},
    {"gradient_accumulation_steps", "train", "accumulation"},
    {"accumulate_grad_batches", "train", "accumulation"},
    {"optim", "train", "optimizer"},
    {"scheduler", "train", "schedule"},
    {"lr_scheduler", "train", "schedule"},
    {"lr_scheduler_type", "train", "schedule"},
    {"warmup", "train", "warmup_fraction"},
    {"warmup_ratio", "train", "warmup_fraction"},
    {"max_grad_norm", "train", "clip_norm"},
    {"gradient_clip_val", "train", "clip_norm"},
    {"grad_clip", "train", "clip_norm"},
    {"wd", "train", "weight_decay"},
    {"metric", "train", "monitor"},
    {"metric_for_best_model", "train", "monitor"},
    {"load_best_model_at_end", "train", "restore_best"},
    {"patience", "train", "early_stopping_patience"},
    {"eval_steps", "train", "eval_every"},
    {"eval_strategy", "train", "eval_every"},
    {"save_steps", "train", "checkpoint_every"},
    {"save_total_limit", "train", "keep_checkpoints"},
    {"random_seed", "train", "seed"},
    {"random_state", "train", "seed"},
    {"name", "model", "from"},
    {"path", "model", "from"},
    {"architecture", "model", "from"},
    {"model_name_or_path", "model", "from"},
    {"hidden_sizes", "model", "hidden"},
    {"hidden_layer_sizes", "model", "hidden"},
    {"layers", "model", "hidden"},
    {"weights", "model", "init"},
    {"max_len", "model", "max_length"},
    {"max_seq_length", "model", "max_length"},
    {"train_file", "data", "train"},
    {"valid", "data", "validation"},
    {"val", "data", "validation"},
    {"validation_file", "data", "validation"},
    {"validation_split", "data", "validation_fraction"},
    {"val_fraction", "data", "validation_fraction"},
    {"test_file", "data", "test"},
    {"test_size", "data", "test_fraction"},
    {"test_split", "data", "test_fraction"},
    {"target", "data", "label"},
    {"label_column", "data", "label"},
    {"labels", "data", "label"},
    {"text_column", "data", "text"},
    {"groups", "data", "group"},
    {"normalize", "data", "standardize"},
    {"scale", "data", "standardize"},
    {"n_trials", "compare", "tune"},
    {"trials", "compare", "tune"},
    {"n_seeds", "compare", "seeds"},
    {"learning_rates", "compare", "lr_grid"},
    {"lrs", "compare", "lr_grid"},
};

template <class Section>
bool has_key(const std::vector<Key<Section>>& keys, const std::string& name) {
  return std::any_of(keys.begin(), keys.end(), [&](const Key<Section>& key) { return key.name == name; });
}

// Of the sections that have this key the first.
std::string section_with(const std::string& name) {
  if (has_key(train_keys(), name)) return "train";
  if (has_key(data_keys(), name)) return "data";
  if (has_key(model_keys(), name)) return "model";
  return has_key(compare_keys(), name) ? "compare" : "";
}

}  // namespace

std::string meant_key(const std::string& section, const std::string& name) {
  const Synonym* elsewhere = nullptr;
  for (const Synonym& synonym : kSynonyms) {
    if (name != synonym.name) continue;
    if (section == synonym.section) return section + "." + synonym.key;
    if (elsewhere == nullptr) elsewhere = &synonym;
  }
  if (const std::string other = section_with(name); !other.empty()) return other + "." + name;
  return elsewhere == nullptr ? "" : concat(elsewhere->section, ".", elsewhere->key);
}

}  // namespace thaw
