// A run that is killed again and again must end with the bits of one that was not.
#pragma once

#include <cstdint>

namespace thaw::testing {

// Kills a checkpointing run `kills` times at random moments, resumes it each time, and compares its final
// weights.
void expect_same_bits_after_kills(int kills, std::uint64_t seed);

}  // namespace thaw::testing
