// A run that is killed again and again must end with the bits of one that was not.
#pragma once

#include <cstdint>
#include <string>

#include "tests/support/program.h"

namespace thaw::test {

// A run that checkpoints every few updates, and whose plan changes what trains, dropout and momentum.
extern const char* const kChangingRun;

// The step of the newest checkpoint file in a run's folder; 0: there is none.
std::int64_t newest_checkpoint(const std::string& run);

// That a run went on from `step` or later, as it says itself: one that began anew would end with the same
// bits. Nothing where `step` is 0, or the run had come to its end before.
void expect_resumed(const ProgramResult& result, std::int64_t step);

// The weights of two runs, and those of their adapters where they have any.
void expect_same_files(const std::string& one, const std::string& other);

// Kills the run of a config file `kills` times at random moments, resumes it each time, and compares
// its final weights.
void expect_same_bits_after_kills(const std::string& config, int kills, std::uint64_t seed);

}  // namespace thaw::test
