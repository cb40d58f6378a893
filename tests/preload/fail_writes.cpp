// A library to preload: lets the Nth call that changes a file fail, as a full or broken disk would. Such
// calls are write, fsync, fdatasync, ftruncate and rename, on files alone.
//
//   FAIL_CALL=N      which call, from 1 on
//   FAIL_PATH=PART   instead: every write to a file with this in its path
//
//   FAIL_AS=enospc   no space is left
//   FAIL_AS=eio      an I/O error
//   FAIL_AS=short    half of a write is done; a rename or sync goes well
//
//   FAIL_LOG=FILE    gets a line when the call came
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

template <class Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

bool is_file(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode));
}

bool is_mode(const char* mode) {
  const char* as = std::getenv("FAIL_AS");
  return as != nullptr && std::strcmp(as, mode) == 0;
}

// Counts a call; true for the one that is to fail.
bool is_next() {
  static std::atomic<long> calls{0};
  const char* wanted = std::getenv("FAIL_CALL");
  if (wanted == nullptr || ++calls != std::strtol(wanted, nullptr, 10)) return false;
  if (const char* path = std::getenv("FAIL_LOG")) {
    const int log = ::open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (log >= 0 && real<ssize_t (*)(int, const void*, size_t)>("write")(log, "failed\n", 7) == 7)
      ::close(log);
  }
  return true;
}

bool is_doomed(int fd) {
  const char* part = std::getenv("FAIL_PATH");
  if (part == nullptr) return false;
  char link[64], path[4096];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t size = ::readlink(link, path, sizeof path - 1);
  if (size < 0) return false;
  path[size] = '\0';
  return std::strstr(path, part) != nullptr;
}

// -1 with errno where the call is to fail outright.
int outcome() {
  errno = is_mode("eio") ? EIO : ENOSPC;
  return -1;
}

}  // namespace

extern "C" {

ssize_t write(int fd, const void* data, size_t size) {
  const auto next = real<ssize_t (*)(int, const void*, size_t)>("write");
  if (is_file(fd) && is_doomed(fd)) return outcome();
  if (!is_file(fd) || !is_next()) return next(fd, data, size);
  if (is_mode("short") && size > 1) return next(fd, data, size / 2);
  return is_mode("short") ? next(fd, data, size) : outcome();
}

int fsync(int fd) {
  if (is_file(fd) && is_next() && !is_mode("short")) return outcome();
  return real<int (*)(int)>("fsync")(fd);
}

int fdatasync(int fd) {
  if (is_file(fd) && is_next() && !is_mode("short")) return outcome();
  return real<int (*)(int)>("fdatasync")(fd);
}

int ftruncate(int fd, off_t size) noexcept {
  if (is_file(fd) && is_next() && !is_mode("short")) return outcome();
  return real<int (*)(int, off_t)>("ftruncate")(fd, size);
}

int rename(const char* from, const char* to) noexcept {
  if (is_next() && !is_mode("short")) return outcome();
  return real<int (*)(const char*, const char*)>("rename")(from, to);
}
}
