// Runs that golden/make_training_golden.py had PyTorch do, and thaw's of the same configs beside them.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/config_run.h"

namespace thaw::test {

// golden/training_runs.json: "keys" has runs by the key in which they differ, "loop" runs by name.
const nlohmann::json& training_runs();

// Losses, learning rates and weights of thaw's run are those of `golden`, which the file holds.
void expect_equals_pytorch(const nlohmann::json& golden);

// How far the two runs' weights and losses are apart at most; infinite where one has more updates.
double difference(const nlohmann::json& one, const nlohmann::json& other);

}  // namespace thaw::test
