// What makes data others: a comparison is not resumed on them, a look at them is no look at the ones before.
#include <gtest/gtest.h>

#include <functional>

#include "finetune/compare/data_card.h"
#include "finetune/run/run_report.h"
#include "finetune/train/fingerprint.h"
#include "tests/training_fixture.h"

namespace thaw::test {
namespace {

PreparedData sample_data() {
  PreparedData data;
  data.train = make_clusters({2}, 6, 1);
  data.validation = make_clusters({2}, 3, 2);
  data.test = make_clusters({2}, 3, 3);
  data.shifted = {{"far", make_clusters({2}, 3, 4)}};
  return data;
}

using Change = std::function<void(PreparedData&)>;

TEST(Identity, OfAComparisonsDataIsOfEveryPartsRowsAndLabels) {
  const std::string before = data_fingerprint(sample_data());
  EXPECT_EQ(data_fingerprint(sample_data()), before);
  for (const Change& change : std::vector<Change>{
           [](PreparedData& d) { d.train.x[3] += 1; }, [](PreparedData& d) { d.train.label[0] = 2; },
           [](PreparedData& d) { d.validation.edit().label[1] = 0; },
           [](PreparedData& d) { d.test.edit().label[2] = 1; },
           [](PreparedData& d) { d.test.edit().classes[0] = "other"; },
           [](PreparedData& d) { d.shifted[0].data.edit().label[0] = 1; },
           [](PreparedData& d) { d.shifted[0].data.edit().x[0] += 1; },
           [](PreparedData& d) {
             d.test.edit().target = {1, 2, 3};
           }}) {
    PreparedData data = sample_data();
    change(data);
    EXPECT_NE(data_fingerprint(data), before);
  }
}

TEST(Identity, OfTestDataIsOfWhatAModelSees) {
  Dataset data = sample_data().test;
  const std::string before = content_hash(data);
  data.x[0] += 1;
  EXPECT_NE(content_hash(data), before);
  Dataset text;
  text.text = {"a", "bc"};
  const std::string of_text = content_hash(text);
  text.text = {"ab", "c"};
  EXPECT_NE(content_hash(text), of_text);
}

TEST(Identity, OfARunsInputsIsOfLabelsTargetsAndIds) {
  const std::string before = run_fingerprint({}, sample_data());
  for (const Change& change : std::vector<Change>{
           [](PreparedData& d) { d.train.x[3] += 1; }, [](PreparedData& d) { d.train.label[0] = 2; },
           [](PreparedData& d) { d.validation.edit().label[1] = 0; },
           [](PreparedData& d) { d.train.id[0] = 77; },
           [](PreparedData& d) { d.train.target = {1, 2, 3, 4, 5, 6}; }}) {
    PreparedData data = sample_data();
    change(data);
    EXPECT_NE(run_fingerprint({}, data), before);
  }
}

}  // namespace
}  // namespace thaw::test
