// Calls into C libraries that report an error through a function that must not return (libpng, libjpeg).
#pragma once

#include <csetjmp>
#include <cstdio>

namespace thaw {

// Where such a function jumps to, and what it has to say.
struct Escape {
  std::jmp_buf place;
  char message[256] = "";

  [[noreturn]] void leave(const char* why) {
    std::snprintf(message, sizeof message, "%s", why);
    std::longjmp(place, 1);
  }
};

// Whether `work` came to its end; false where it was left through `escape`. A jump runs no destructors: whatever needs one
// `work` has from outside.
template <class Work>
bool runs_through(Escape& escape, const Work& work) {
  if (setjmp(escape.place) != 0) return false;
  work();
  return true;
}

}  // namespace thaw
