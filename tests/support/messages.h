// What tests of errors share: the message that an action ends in, and what it must have.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "core/error.h"

namespace thaw {

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

inline void expect_has(const std::string& message, const std::string& part) {
  EXPECT_NE(message.find(part), std::string::npos) << message << "\n  lacks: " << part;
}

}  // namespace thaw
