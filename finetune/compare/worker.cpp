#include "finetune/compare/worker.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "core/error.h"

namespace thaw {
namespace {

// Process numbers come again, and machines may have one name.
std::string own_name() {
  char host[64] = {};
  ::gethostname(host, sizeof host - 1);
  std::string name;
  for (const char c : std::string(host)) name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '-';
  return concat(name, '-', ::getpid(), '-', std::chrono::system_clock::now().time_since_epoch().count());
}

// False where somebody holds the lock.
bool take(int fd) {
  int result = 0;
  do result = ::flock(fd, LOCK_EX | LOCK_NB);
  while (result != 0 && errno == EINTR);
  return result == 0;
}

}  // namespace

Worker::Worker(const std::string& folder) : folder_(folder + "/workers"), name_(own_name()) {
  const std::string path = folder_ + "/" + name_;
  for (int attempt = 0; attempt < 100 && !file_.is_open();
       ++attempt) {  // the last worker takes the folder away
    std::error_code error;
    std::filesystem::create_directories(folder_, error);
    file_ = FileDescriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  }
  if (!file_.is_open() || !take(file_.get()))
    fail("cannot lock ", path, ": ", std::strerror(errno), "; choose another --out");
}

Worker::~Worker() {
  ::unlink((folder_ + "/" + name_).c_str());
  ::rmdir(folder_.c_str());  // if no other is there
}

bool Worker::is_alive(const std::string& name) const {
  if (name == name_) return true;
  const FileDescriptor file(::open((folder_ + "/" + name).c_str(), O_RDWR | O_CLOEXEC));
  if (!file.is_open())
    return errno != ENOENT && errno != ENOTDIR;  // of what cannot be asked, the best is thought
  return !take(file.get());
}

WaitingLock::WaitingLock(int fd) : fd_(fd) {
  int result = 0;
  do result = ::flock(fd_, LOCK_EX);
  while (result != 0 && errno == EINTR);
  if (result != 0) fail("cannot lock a file: ", std::strerror(errno), "; choose another --out");
}

WaitingLock::~WaitingLock() { ::flock(fd_, LOCK_UN); }

}  // namespace thaw
