// A library to preload: fsync of a file whose path has STUCK_AT in it never returns, as on a disk that hangs.
//   STUCK_LOG=FILE   is made when that begins
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

bool is_stuck(int fd) {
  const char* part = std::getenv("STUCK_AT");
  if (part == nullptr) return false;
  std::array<char, 4096> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  return ::readlink(link.c_str(), path.data(), path.size() - 1) > 0 &&
         std::strstr(path.data(), part) != nullptr;
}

}  // namespace

extern "C" int fsync(int fd) {
  if (!is_stuck(fd)) return reinterpret_cast<int (*)(int)>(::dlsym(RTLD_NEXT, "fsync"))(fd);
  if (const char* log = std::getenv("STUCK_LOG")) ::close(::open(log, O_WRONLY | O_CREAT, 0600));
  for (;;) ::pause();
}
