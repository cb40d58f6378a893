// A process that works on a comparison, perhaps beside others, on this machine or on one that shares the folder. While it
// lives it holds a lock on a file of its own, which the system lets go when it dies: by that others know whether what it
// has claimed will be done.
#pragma once

#include <string>

#include "nn/io/files.h"

namespace thaw {

class Worker {
 public:
  // `folder`: of the comparison; the file is made in workers/ there. Error where it cannot be.
  explicit Worker(const std::string& folder);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  const std::string& name() const { return name_; }  // no other worker's, now or earlier
  // Whether a worker of that name holds its lock, on whichever machine.
  bool is_alive(const std::string& name) const;

 private:
  std::string folder_, name_;
  FileDescriptor file_;
};

// An exclusive lock on an open file while it lives, for which it waits.
class WaitingLock {
 public:
  explicit WaitingLock(int fd);
  ~WaitingLock();
  WaitingLock(const WaitingLock&) = delete;
  WaitingLock& operator=(const WaitingLock&) = delete;

 private:
  int fd_;
};

}  // namespace thaw
