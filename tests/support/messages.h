// What tests of errors share: the message that an action ends in, and what it must have.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "core/error.h"

namespace thaw::test {

inline constexpr const char* kNothingThrown = "(nothing was thrown)";

template <class Expected = Error, class Action>
std::string message_of(Action action) {
  try {
    action();
  } catch (const Expected& error) {
    return error.what();
  }
  return kNothingThrown;
}

// For keys, places and numbers.
inline void expect_has(const std::string& message, const std::string& part) {
  EXPECT_NE(message.find(part), std::string::npos) << message << "\n  lacks: " << part;
}

// Expects the line of golden/messages.txt for this test. After a change of wording run golden/messages.sh and review the
// diff. Temporary folders are written as FOLDER, the machine's memory as MEMORY.
void expect_worded(std::string message);

}  // namespace thaw::test
