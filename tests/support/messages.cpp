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

// How many messages each test has had.
std::map<std::string, int> heard;

// A test that passes has had all of its messages: a loop that ends early must not go unnoticed.
class EveryMessageIsHeard : public ::testing::Environment {
 public:
  void SetUp() override { heard.clear(); }
  void TearDown() override {
    if (written_to() != nullptr) return;
    std::map<std::string, int> expected;
    for (const auto& [key, message] : golden()) ++expected[key.substr(0, key.rfind(' '))];
    const ::testing::UnitTest& tests = *::testing::UnitTest::GetInstance();
    for (int s = 0; s < tests.total_test_suite_count(); ++s) {
      for (int t = 0; t < tests.GetTestSuite(s)->total_test_count(); ++t) {
        const ::testing::TestInfo& test = *tests.GetTestSuite(s)->GetTestInfo(t);
        const std::string name = name_of(test);
        if (test.should_run() && test.result()->Passed() && expected.count(name) > 0)
          EXPECT_EQ(heard[name], expected[name])
              << name << " had another number of messages than " << kGolden;
      }
    }
  }
};

const auto* const environment = ::testing::AddGlobalTestEnvironment(new EveryMessageIsHeard);

}  // namespace

void expect_worded(std::string message) {
  ASSERT_NE(message, kNothingThrown);
  ASSERT_FALSE(message.empty());
  static const std::regex folder("/[^ ]*/thaw-test-[A-Za-z0-9]{6}"), memory("machine of [0-9.e+]+ GB");
  message = std::regex_replace(std::regex_replace(message, folder, "FOLDER"), memory, "machine of MEMORY");
  if (message.back() == '\n') message.pop_back();
  EXPECT_EQ(message.find('\n'), std::string::npos) << "more than one line: " << message;

  const std::string test = name_of(*::testing::UnitTest::GetInstance()->current_test_info());
  const std::string key = concat(test, ' ', ++heard[test]);
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
