#include "tests/support/messages.h"

#include <cstdlib>
#include <fstream>
#include <map>
#include <regex>

namespace thaw::test {
namespace {

constexpr const char* kGolden = THAW_SOURCE_DIR "/tests/golden/messages.txt";

// Names the file that messages are written to instead of being compared: golden/messages.sh.
const char* written_to() { return std::getenv("THAW_WRITE_MESSAGES"); }

// Lines of a test's name, a space, the message's number in the test, a tab, the message.
std::map<std::string, std::string> read_golden() {
  std::map<std::string, std::string> messages;
  std::ifstream file(kGolden);
  for (std::string line; std::getline(file, line);) {
    const std::size_t tab = line.find('\t');
    messages[line.substr(0, tab)] = line.substr(tab + 1);
  }
  return messages;
}

const std::map<std::string, std::string>& golden() {
  static const std::map<std::string, std::string> messages = read_golden();
  return messages;
}

std::string name_of(const ::testing::TestInfo& test) {
  return concat(test.test_suite_name(), '.', test.name());
}

int heard = 0;  // messages of the running test

// A test that passes has had all of its messages: a loop that ends early must not go unnoticed.
class EveryMessageIsHeard : public ::testing::EmptyTestEventListener {
  void OnTestStart(const ::testing::TestInfo&) override { heard = 0; }
  void OnTestEnd(const ::testing::TestInfo& test) override {
    if (written_to() != nullptr || !test.result()->Passed()) return;
    const std::string next = concat(name_of(test), ' ', heard + 1);
    EXPECT_EQ(golden().count(next), 0u)
        << "the test ended without the message \"" << next << "\" of " << kGolden;
  }
};

const bool is_listening = [] {
  ::testing::UnitTest::GetInstance()->listeners().Append(new EveryMessageIsHeard);
  return true;
}();

}  // namespace

void expect_worded(std::string message) {
  ASSERT_NE(message, kNothingThrown);
  ASSERT_FALSE(message.empty());
  static const std::regex folder("/[^ ]*/thaw-test-[A-Za-z0-9]{6}"), memory("machine of [0-9.e+]+ GB");
  message = std::regex_replace(std::regex_replace(message, folder, "FOLDER"), memory, "machine of MEMORY");
  if (message.back() == '\n') message.pop_back();
  EXPECT_EQ(message.find('\n'), std::string::npos) << "more than one line: " << message;

  const std::string key =
      concat(name_of(*::testing::UnitTest::GetInstance()->current_test_info()), ' ', ++heard);
  if (written_to() != nullptr) {
    std::ofstream(written_to(), std::ios::app) << key << '\t' << message << '\n';
    return;
  }
  const auto found = golden().find(key);
  ASSERT_NE(found, golden().end()) << "no line \"" << key << "\" in " << kGolden
                                   << "; run tests/golden/messages.sh";
  EXPECT_EQ(message, found->second) << "if it is meant, run tests/golden/messages.sh";
}

}  // namespace thaw::test
