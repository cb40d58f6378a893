#include "finetune/compare/earlier_evaluations.h"

#include "core/error.h"
#include "finetune/compare/data_card.h"
#include "finetune/config/config_text.h"
#include "finetune/model/starting_model.h"
#include "finetune/model/weights_hash.h"
#include "finetune/train/fingerprint.h"
#include "nn/io/sha256.h"

namespace thaw {

std::string starting_fingerprint(const Config& config, const ModelSource& source, const PreparedData& drawn,
                                 bool allow_missing) {
  const PreparedModel start = prepare_model(source, drawn, config.train.seed, allow_missing);
  return sha256_hex(hash_of_model(*start.model, start.config) + hash_of_inputs(drawn));
}

std::string comparison_fingerprint(const Config& config, const PreparedData& loaded,
                                   const std::string& start) {
  return sha256_hex(concat(to_toml(config), data_fingerprint(loaded), '\n', start));
}

EvaluationsBefore evaluations_before(const TestEvaluation& own, const std::string& began) {
  EvaluationsBefore before;
  for (const TestEvaluation& evaluation : earlier_evaluations(own.test, own.by, began)) {
    const std::string text = concat(evaluation.by, " on ", evaluation.time);
    if (evaluation.config == own.config)
      before.repeated.push_back("this repeats what was done with the same config, data and weights by " +
                                text);
    else
      before.others.push_back(text + ", with another config, other data or weights");
  }
  return before;
}

}  // namespace thaw
