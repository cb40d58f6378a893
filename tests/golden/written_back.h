// A model whose weights are written with the names and the bits of the file that they came from.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <string>

#include "finetune/model/model_weights.h"
#include "nn/io/safetensors.h"
#include "tests/support/compare.h"

namespace thaw::test {

// `left_out`: tensors of the file that are no part of the model.
inline void expect_written_back(Model& model, const std::string& file_path, std::size_t left_out = 0) {
  const SafetensorsFile file(file_path);
  std::size_t written = 0;
  for (const auto& [name, tensor] : merged_weights(model)) {
    ASSERT_TRUE(file.contains(name)) << name;
    EXPECT_TRUE(same_bits(tensor, file.load(name))) << name;
    ++written;
  }
  EXPECT_EQ(written + left_out, file.entries().size());
}

}  // namespace thaw::test
