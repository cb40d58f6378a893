// Every file of tests/fuzz/corpus through the reader that it is for: what a fuzzer once found stays mended.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/fuzz/targets.h"
#include "tests/support/files.h"

namespace thaw::test {
namespace {

TEST(FuzzCorpus, IsReadOrRefused) {
  for (const FuzzTarget& target : fuzz_targets()) {
    const std::string folder = std::string(THAW_SOURCE_DIR) + "/tests/fuzz/corpus/" + target.name;
    int files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      SCOPED_TRACE(entry.path().string());
      EXPECT_NO_THROW(target.run(file_text(entry.path())));
      ++files;
    }
    EXPECT_GT(files, 2) << target.name;
  }
}

}  // namespace
}  // namespace thaw::test
