// Bytes of a file, plain or gzip, and whole text files, with every check made before memory is taken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace thaw {

// A file read from front to back. Errors name the path.
class InputFile {
 public:
  virtual ~InputFile() = default;

  // Up to `size` bytes; fewer only at the end of the file.
  virtual size_t read(void* to, size_t size) = 0;

  // `size` bytes; a file that ends before is an error that names `what` was being read.
  void read_exactly(void* to, size_t size, const char* what);

  const std::string& path() const { return path_; }

  // No more bytes than this can come out of the file.
  uint64_t size_bound() const { return size_bound_; }

 protected:
  InputFile(std::string path, uint64_t size_bound) : path_(std::move(path)), size_bound_(size_bound) {}

 private:
  std::string path_;
  uint64_t size_bound_;
};

// A regular file; gzip data, known by its first bytes, are decompressed, which needs a build with zlib.
std::unique_ptr<InputFile> open_input(const std::string& path);

// The whole of a text file ("-": standard input) without its byte order mark. Text that is not UTF-8 or has a
// NUL byte is refused with its line.
std::string read_text(const std::string& path);

// Refuses what this machine's memory cannot hold.
void check_memory(uint64_t bytes, const std::string& path);

}  // namespace thaw
