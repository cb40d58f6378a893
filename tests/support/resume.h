// A run that is killed again and again must end with the bits of one that was not.
#pragma once

#include <cstdint>
#include <string>

namespace thaw::testing {

// A run that checkpoints every few updates, and whose plan changes what trains, dropout and momentum.
extern const char* const kChangingRun;

// Kills the run of a config file `kills` times at random moments, resumes it each time, and compares
// its final weights.
void expect_same_bits_after_kills(const std::string& config, int kills, std::uint64_t seed);

}  // namespace thaw::testing
