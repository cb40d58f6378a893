#include "finetune/compare/spending.h"

#include <utility>

#include "finetune/train/trainer.h"

namespace thaw {

Spending::Spending(Budget budget, PreparedData data, Journal& journal, Measure measure, const StopToken* stop)
    : budget_(budget), data_(std::move(data)), journal_(journal), measure_(std::move(measure)), stop_(stop) {}

Config Spending::config_of(const Contender& contender, const Choice& choice) {
  Config config = with_choice(contender, choice);
  if (budget_.kind == Budget::Kind::epochs) return config;
  const std::string options = options_text(choice.options);
  if (journal_.restore_budget(contender.name, options, config.train)) return config;
  copy_budget(with_budget(config, contender.source, budget_, data_, measure_).train, config.train);
  if (!stop_requested(stop_)) journal_.add_budget(contender.name, options, config.train);
  return config;
}

}  // namespace thaw
