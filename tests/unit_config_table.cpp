// Every key of a config does what it says: a row of the table for each, in the files unit_config_*.cpp. A key
// that is read, and then changes nothing or something else, shows in no other way.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "finetune/config/config_keys.h"
#include "tests/support/config_table.h"

namespace thaw::test {
namespace {

std::vector<KeyRow> all_rows() {
  std::vector<KeyRow> rows;
  for (const std::vector<KeyRow>& section :
       {model_key_rows(), data_key_rows(), column_key_rows(), train_key_rows(), compare_key_rows()})
    rows.insert(rows.end(), section.begin(), section.end());
  return rows;
}

template <class Section>
void add_keys(std::set<std::string>& names, const std::string& section,
              const std::vector<Key<Section>>& keys) {
  for (const Key<Section>& key : keys) names.insert(section + "." + key.name);
}

TEST(ConfigTable, EveryKeyHasARow) {
  std::set<std::string> keys, rows;
  add_keys(keys, "model", model_keys());
  add_keys(keys, "data", data_keys());
  add_keys(keys, "train", train_keys());
  add_keys(keys, "compare", compare_keys());
  for (const KeyRow& row : all_rows()) EXPECT_TRUE(rows.insert(row.key).second) << row.key << " has two rows";
  EXPECT_EQ(keys, rows);
}

class ConfigKey : public ::testing::TestWithParam<KeyRow> {};

TEST_P(ConfigKey, DoesWhatItSays) { GetParam().check(); }

std::string test_name(const ::testing::TestParamInfo<KeyRow>& row) {
  std::string name = row.param.key;
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Table, ConfigKey, ::testing::ValuesIn(all_rows()), test_name);

}  // namespace
}  // namespace thaw::test
