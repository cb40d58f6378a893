// The samples that a run trains on and the order in which it sees them, for peers that repeat the run.
//   dump_batches CONFIG SEED
// Prints JSON: texts, labels (class indices), updates (rows of each update's batches, in order), and what
// else a peer must do alike: max_length in tokens, weight_decay, warmup in updates.
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "finetune/data/batch.h"
#include "finetune/data/texts.h"
#include "finetune/preprocess/prepared_data.h"
#include "finetune/run/prepare_data.h"
#include "finetune/train/step.h"
#include "finetune/train/trainer.h"

namespace thaw {
namespace {

void dump(const std::string& path, std::uint64_t seed) {
  Config config = load_config(path);
  config.train.seed = seed;
  const PreparedData data = prepare_data(config, open_source(config.model), seed, false, false);
  const TrainSection& train = config.train;
  BatchPlan plan(data.train.size(), train.batch_size, train.accumulation, train.shuffle, seed);
  nlohmann::json updates = nlohmann::json::array();
  const std::int64_t total = total_updates(train, plan.updates_per_epoch());
  for (std::int64_t i = 0; i < total; ++i) updates.push_back(plan.update(i));
  std::vector<std::string> texts;
  for (const Text& text : texts_of(data.train).texts) texts.push_back(text.first);
  const nlohmann::json out{{"texts", texts},
                           {"labels", data.train.labels()},
                           {"updates", updates},
                           {"max_length", data.preprocess.max_length},
                           {"weight_decay", train.weight_decay},
                           {"warmup", make_schedule(train, {}, total).warmup_steps}};
  std::puts(out.dump().c_str());
}

}  // namespace
}  // namespace thaw

int main(int count, char** arguments) {
  if (count != 3) {
    std::fputs("usage: dump_batches CONFIG SEED\n", stderr);
    return 2;
  }
  try {
    thaw::dump(arguments[1], std::strtoull(arguments[2], nullptr, 10));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "dump_batches: %s\n", error.what());
    return 1;
  }
}
