// A comparison and the register of looks at test data: what it enters there, and what it finds.
#pragma once

#include <string>
#include <vector>

#include "finetune/experiment.h"
#include "finetune/test_looks.h"

namespace thaw {

// The look of a comparison, whose folder, or its study's, is `folder`; without a time.
TestLook look_of(const Config& config, const PreparedData& loaded, const std::string& folder);

struct LooksBefore {
  std::vector<std::string> repeated;  // of the same config: who and when
  std::vector<std::string> others;    // of another config
};

// Looks at the same test data before the first one since `began` by the folder of `own`.
LooksBefore looks_before(const TestLook& own, const std::string& began);

}  // namespace thaw
