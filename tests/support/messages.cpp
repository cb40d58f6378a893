#include "tests/support/messages.h"

#include <cstdlib>
#include <fstream>
#include <map>
#include <regex>

namespace thaw::test {
namespace {

constexpr const char* kGolden = THAW_SOURCE_DIR "/tests/golden/messages.txt";

// The lines of the golden file: the test and the message's number in it, a tab, the message.
std::map<std::string, std::string> read_golden() {
  std::map<std::string, std::string> messages;
  std::ifstream file(kGolden);
  for (std::string line; std::getline(file, line);) {
    const std::size_t tab = line.find('\t');
    messages[line.substr(0, tab)] = line.substr(tab + 1);
  }
  return messages;
}

// The running test and how many messages it has had, such as "Files.ReadsTheLimit 2".
std::string next_key() {
  static std::string test;
  static int count = 0;
  const ::testing::TestInfo* info = ::testing::UnitTest::GetInstance()->current_test_info();
  const std::string name = concat(info->test_suite_name(), '.', info->name());
  count = name == test ? count + 1 : 1;
  test = name;
  return concat(name, ' ', count);
}

}  // namespace

void expect_worded(std::string message) {
  static const std::regex folder("/[^ ]*/thaw-test-[A-Za-z0-9]{6}"), memory("machine of [0-9.e+]+ GB");
  message = std::regex_replace(std::regex_replace(message, folder, "FOLDER"), memory, "machine of MEMORY");
  for (std::size_t at; (at = message.find(THAW_SOURCE_DIR)) != std::string::npos;)
    message.replace(at, std::string(THAW_SOURCE_DIR).size(), "SOURCE");
  if (!message.empty() && message.back() == '\n') message.pop_back();
  EXPECT_EQ(message.find('\n'), std::string::npos) << "more than one line: " << message;

  const std::string key = next_key();
  if (const char* written = std::getenv("THAW_WRITE_MESSAGES")) {
    std::ofstream(written, std::ios::app) << key << '\t' << message << '\n';
    return;
  }
  static const std::map<std::string, std::string> golden = read_golden();
  const auto found = golden.find(key);
  ASSERT_NE(found, golden.end()) << "no line \"" << key << "\" in " << kGolden
                                 << "; run tests/golden/messages.sh";
  EXPECT_EQ(message, found->second) << "if it is meant, run tests/golden/messages.sh";
}

}  // namespace thaw::test
