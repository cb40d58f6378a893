// What is fuzzed: readers of files that come from elsewhere. Used by libFuzzer (run.sh) and by
// unit_fuzz_corpus, which replays corpus/.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace thaw::test {

// Takes the bytes of one file. Whatever they are, it returns: InputError and Error are answers, any other
// exception is not, and neither is a crash, a hang or memory beyond what the bytes could ask for.
struct FuzzTarget {
  const char* name;
  void (*run)(const std::string& bytes);
};

std::span<const FuzzTarget> fuzz_targets();

}  // namespace thaw::test
