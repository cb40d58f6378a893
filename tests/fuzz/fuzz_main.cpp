// libFuzzer's entry: feeds the target that the program is built for.
#include <algorithm>
#include <cstdint>
#include <cstring>

#include "tests/fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto* target =
      std::find_if(thaw::test::fuzz_targets().begin(), thaw::test::fuzz_targets().end(),
                   [](const thaw::test::FuzzTarget& t) { return std::strcmp(t.name, THAW_FUZZ_TARGET) == 0; })
          .base();
  target->run({reinterpret_cast<const char*>(data), size});
  return 0;
}
