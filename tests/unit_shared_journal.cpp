// A journal that several sessions or workers write: who lives, and whose seconds a budget is of.
#include <gtest/gtest.h>

#include <string>

#include "finetune/compare/journal.h"
#include "tests/support/files.h"
#include "tests/support/messages.h"

namespace thaw::test {
namespace {

struct SharedJournal : ::testing::Test {
  TemporaryFolder folder;
  Journal open(const std::string& machine = "") const { return Journal(folder.path(), machine); }
};

TEST_F(SharedJournal, KnowsWhoLivesOfItsWorkers) {
  Journal journal = open();
  EXPECT_EQ(journal.workers(), 1);
  {
    Journal other = open();
    EXPECT_TRUE(other.claim("full seed 0"));
    journal.refresh();
    EXPECT_EQ(journal.workers(), 2);
  }
  EXPECT_EQ(journal.workers(), 1);
}

// Updates of a budget of seconds take other times on another machine.
TEST_F(SharedJournal, ABudgetIsOfTheMachineThatMeasuredIt) {
  open("one, 2 threads").check_machine();
  open("one, 2 threads").add_budget("full", "", TrainSection());
  open("one, 2 threads").check_machine();
  const std::string message = message_of<InputError>([&] { open("one, 8 threads").check_machine(); });
  expect_has(message, "was measured on one, 2 threads, and this is one, 8 threads");
}

}  // namespace
}  // namespace thaw::test
