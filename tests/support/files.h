// Files of tests: a folder that goes away with them, and what a file holds.
#pragma once

#include <string>

namespace thaw::test {

// A folder that is removed with everything in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  explicit TemporaryFolder(const std::string& parent);
  // In memory where the system has such a place: for many runs, which would wait for the disk.
  static TemporaryFolder in_memory();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string path(const std::string& name = "") const { return name.empty() ? path_ : path_ + "/" + name; }
  // Writes a file and gives its path.
  std::string write(const std::string& name, const std::string& content) const;

 private:
  std::string path_;
};

std::string file_text(const std::string& path);

}  // namespace thaw::test
