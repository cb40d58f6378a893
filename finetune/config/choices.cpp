#include "finetune/config/choices.h"

namespace thaw {

const std::vector<std::string>& names_of(OptimizerKind) {
  static const std::vector<std::string> names = {"adamw", "sgd"};
  return names;
}

const std::vector<std::string>& names_of(NanAction) {
  static const std::vector<std::string> names = {"stop", "skip", "rollback"};
  return names;
}

const std::vector<std::string>& names_of(Standardize) {
  static const std::vector<std::string> names = {"", "train", "model", "true", "false"};
  return names;
}

const std::vector<std::string>& names_of(Missing) {
  static const std::vector<std::string> names = {"error", "median"};
  return names;
}

const std::vector<std::string>& names_of(Duplicates) {
  static const std::vector<std::string> names = {"", "warn"};
  return names;
}

}  // namespace thaw
