// Shifted test sets are prepared as the test data are: what a model sees of the same rows is the same.
#include <gtest/gtest.h>

#include "tests/support/compare_run.h"
#include "tests/support/datasets.h"
#include "tests/support/files.h"
#include "tests/support/from_config.h"

namespace thaw::test {
namespace {

const Dataset& only_shifted(const PreparedData& data) { return data.shifted.at(0).data; }

TEST(Shifted, RowsAreStandardisedAsTheTests) {
  const TemporaryFolder folder;
  const std::string rows = clusters_csv(12, 2);
  Config config;
  config.data.train = folder.write("train.csv", clusters_csv(60, 1));
  config.data.test = folder.write("test.csv", rows);
  config.data.shifted = {{"same", folder.write("shifted.csv", rows)}};
  const PreparedData raw = data_of(config, true);
  config.data.standardize = Standardize::train;
  const PreparedData data = data_of(config, true);
  ASSERT_EQ(only_shifted(data).size(), 12);
  EXPECT_EQ(values_of(only_shifted(raw)), values_of(raw.test));
  EXPECT_EQ(values_of(only_shifted(data)), values_of(data.test));
  EXPECT_NE(values_of(only_shifted(data)), values_of(only_shifted(raw)));
}

// A file has its own noise, which hangs on its name.
TEST(Shifted, ImagesAreCorruptedAsTheTests) {
  Config config;
  config.data.train = config.data.test = "builtin:digits";
  config.data.shifted = {{"same", "builtin:digits"}};
  config.data.duplicates = Duplicates::warn;
  config.data.rows = {0, 100};
  const PreparedData clean = data_of(config, true);
  for (const Corruption kind : {Corruption::noise, Corruption::invert, Corruption::blur}) {
    config.data.corrupt = kind;
    const PreparedData data = data_of(config, true);
    EXPECT_EQ(values_of(only_shifted(data)), values_of(data.test)) << name_of(kind);
    EXPECT_NE(values_of(only_shifted(data)), values_of(only_shifted(clean))) << name_of(kind);
  }
}

}  // namespace
}  // namespace thaw::test
