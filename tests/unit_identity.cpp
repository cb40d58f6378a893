// What makes data others: a comparison is not resumed on them, an evaluation on them is none on the ones before.
#include <gtest/gtest.h>

#include <functional>

#include "finetune/compare/data_card.h"
#include "finetune/run/run_report.h"
#include "finetune/train/fingerprint.h"
#include "tests/support/datasets.h"
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

void add_one(Dataset& data, std::size_t value) {
  change_values(data, [value](std::vector<float>& values) { values[value] += 1; });
}

using Change = std::function<void(PreparedData&)>;

TEST(Identity, OfAComparisonsDataIsOfEveryPartsRowsAndLabels) {
  const std::string before = data_fingerprint(sample_data());
  EXPECT_EQ(data_fingerprint(sample_data()), before);
  for (const Change& change : std::vector<Change>{
           [](PreparedData& d) { add_one(d.train, 3); }, [](PreparedData& d) { d.train[0].label = 2; },
           [](PreparedData& d) { d.validation.edit()[1].label = 0; },
           [](PreparedData& d) { d.test.edit()[2].label = 1; },
           [](PreparedData& d) { d.test.edit().classes[0] = "other"; },
           [](PreparedData& d) { d.shifted[0].data.edit()[0].label = 1; },
           [](PreparedData& d) { add_one(d.shifted[0].data.edit(), 0); },
           [](PreparedData& d) {
             set_targets(d.test.edit(), {1, 2, 3});
           }}) {
    PreparedData data = sample_data();
    change(data);
    EXPECT_NE(data_fingerprint(data), before);
  }
}

TEST(Identity, OfNumbersIsOfTheirTargets) {
  PreparedData one = sample_data(), other = sample_data();
  set_targets(one.train, {1, 2, 3, 4, 5, 6});
  set_targets(other.train, {1, 2, 3, 4, 5, 7});
  EXPECT_NE(data_fingerprint(one), data_fingerprint(other));
  EXPECT_NE(run_fingerprint({}, one), run_fingerprint({}, other));
}

TEST(Identity, OfTestDataIsOfWhatAModelSees) {
  Dataset data = sample_data().test;
  const std::string before = content_hash(data);
  add_one(data, 0);
  EXPECT_NE(content_hash(data), before);
  EXPECT_NE(content_hash(text_samples({{"a", ""}, {"bc", ""}})),
            content_hash(text_samples({{"ab", ""}, {"c", ""}})));
}

TEST(Identity, OfARunsInputsIsOfLabelsTargetsAndIds) {
  const std::string before = run_fingerprint({}, sample_data());
  for (const Change& change : std::vector<Change>{[](PreparedData& d) { add_one(d.train, 3); },
                                                  [](PreparedData& d) { d.train[0].label = 2; },
                                                  [](PreparedData& d) { d.validation.edit()[1].label = 0; },
                                                  [](PreparedData& d) { d.train[0].id = 77; },
                                                  [](PreparedData& d) {
                                                    set_targets(d.train, {1, 2, 3, 4, 5, 6});
                                                  }}) {
    PreparedData data = sample_data();
    change(data);
    EXPECT_NE(run_fingerprint({}, data), before);
  }
}

}  // namespace
}  // namespace thaw::test
