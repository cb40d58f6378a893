// Files that survive crashes: reading with limits, writing that a kill cannot damage, and a lock on a folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace thaw {

// Owns a POSIX file descriptor.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();

  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }

 private:
  int fd_;
};

// -- reading

// A regular file that stays open: a later rename over its path does not change what is read. Bytes are copied
// with pread and never mapped, because a mapped file that another process shortens kills this one (SIGBUS).
class RandomAccessFile {
 public:
  // Throws InputError when the path is missing, unreadable or not a regular file.
  explicit RandomAccessFile(const std::string& path);

  const std::string& path() const { return path_; }
  std::int64_t size() const { return size_; }  // when it was opened

  // Exactly `size` bytes from `offset`. Throws Error when the disk fails or the file has become shorter.
  void read(std::int64_t offset, void* to, std::int64_t size) const;

 private:
  std::string path_;
  FileDescriptor fd_;
  std::int64_t size_ = 0;
};

// The whole file. InputError for a file larger than max_bytes, before any memory is allocated.
std::string read_file(const std::string& path, std::int64_t max_bytes);

// -- writing

// Writes the bytes of a file in order. Throws Error when they cannot be written.
class FileWriter {
 public:
  FileWriter(int fd, const std::string& path) : fd_(fd), path_(path) {}
  void write(const void* data, std::size_t size);
  void write(std::string_view bytes) { write(bytes.data(), bytes.size()); }

 private:
  int fd_;
  const std::string& path_;
};

// Makes or replaces `path`, so that at any moment it holds either its old bytes or all of the new ones. A
// temporary file in the same folder is written, flushed to disk and renamed over it; then the folder is
// flushed. On failure (also when `fill` throws) the temporary file is removed and the old file is unchanged.
// The Error names the path, the reason and what to do.
void atomic_write(const std::string& path, const std::function<void(FileWriter&)>& fill);
void atomic_write(const std::string& path, std::string_view bytes);

// Removes temporary files that killed processes left in `folder`. The caller must hold the folder's lock.
void remove_stale_temporaries(const std::string& folder);

// An exclusive lock on `<folder>/.lock`, held from construction to destruction. The folder must exist. The
// system releases the lock of a process that dies, so nothing has to be cleaned up. Throws InputError with
// the holder's process id when another process has it.
class FileLock {
 public:
  // `shared`: others may hold it too, if they all do so.
  explicit FileLock(const std::string& folder, bool shared = false);
  ~FileLock();
  bool was_alone() const { return was_alone_; }  // at first: nobody else held it
  void share();                                  // from now on
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  std::string path_;
  FileDescriptor fd_;
  bool was_alone_ = true;
};

}  // namespace thaw
