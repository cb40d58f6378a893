// What `thaw compare` says of the network that training starts from.
#include <gtest/gtest.h>

#include <string>

#include "tests/support/compare_run.h"
#include "tests/support/files.h"
#include "tests/support/messages.h"
#include "tests/support/program.h"

namespace thaw::test {
namespace {

TEST(CliCompareStart, ANewHeadIsSaid) {
  const TemporaryFolder folder;
  const auto config = [&](const std::string& from) {
    return folder.write(from + ".toml", "[data]\ntrain = \"t.csv\"\n[model]\nfrom = \"" + from + "\"\n");
  };
  const auto compare = [&](const std::string& out) {
    return run_program({"compare", config("base"), "--out", folder.path(out), "--no-tune", "--seeds", "1",
                        "--strategies", "full"});
  };
  const std::string new_head = "the head is new: its labels differ";
  folder.write("t.csv", clusters_csv(90, 1));
  ASSERT_EQ(run_program({"train", config("mlp"), "--out", folder.path("base")}).code, 0);
  const ProgramResult same = compare("same");
  ASSERT_EQ(same.code, 0) << same.err;
  EXPECT_EQ(same.err.find(new_head), std::string::npos) << same.err;
  std::string renamed = clusters_csv(90, 1);
  for (std::size_t at; (at = renamed.find("class-")) != std::string::npos;) renamed.replace(at, 6, "kind-");
  folder.write("t.csv", renamed);
  const ProgramResult others = compare("others");
  ASSERT_EQ(others.code, 0) << others.err;
  expect_has(others.err, new_head);
}

}  // namespace
}  // namespace thaw::test
