// Fifty kills at random moments.
#include <gtest/gtest.h>

#include "tests/support/resume.h"

namespace thaw {
namespace {

TEST(SlowResume, FiftyKillsLeaveTheSameBits) { testing::expect_same_bits_after_kills(50, 2); }

}  // namespace
}  // namespace thaw
