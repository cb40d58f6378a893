// POSIX file calls, with errors that a user can act on.
#include "nn/io/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "core/error.h"

namespace thaw {
namespace {

constexpr const char* kTemporaryMark = ".thaw-tmp-";

const char* how_to_mend(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return "free some space or write to another disk";
    case EFBIG:
      return "raise the limit on file sizes (ulimit -f) or write to another disk";
    case EACCES:
    case EPERM:
    case EROFS:
      return "check the permissions or choose another folder";
    case ENOENT:
    case ENOTDIR:
      return "make the folder first or check the path";
    case ENAMETOOLONG:
      return "choose a shorter name";
    case EMFILE:
    case ENFILE:
      return "close some files or raise the limit on open ones (ulimit -n)";
    default:
      return "check the disk or choose another folder";
  }
}

[[noreturn]] void fail_write(const char* what, const std::string& path, int error) {
  fail("cannot ", what, ": ", std::strerror(error), " (", path, "); ", how_to_mend(error));
}

// Repeats a call that a signal interrupted.
template <class Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

std::string folder_of(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path();
  return folder.empty() ? "." : folder.string();
}

// A new file next to `path`, removed again unless it replaced `path`.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& path) : path_(path) {
    static std::atomic<int> count{0};
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    do {  // process ids repeat: one that was killed may have left a file of this name
      temporary_ = concat(path, kTemporaryMark, ::getpid(), "-", count++);
      fd_ = FileDescriptor(uninterrupted([&] { return ::open(temporary_.c_str(), flags, 0666); }));
    } while (!fd_.is_open() && errno == EEXIST);
    if (!fd_.is_open()) fail_write("write a file", path_, errno);
  }
  ~TemporaryFile() {
    if (!renamed_) ::unlink(temporary_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  int fd() const { return fd_.get(); }

  void take_the_place() {
    if (uninterrupted([&] { return ::fsync(fd_.get()); }) < 0) fail_write("write a file", path_, errno);
    if (::rename(temporary_.c_str(), path_.c_str()) < 0) fail_write("replace a file", path_, errno);
    renamed_ = true;
  }

 private:
  const std::string& path_;
  std::string temporary_;
  FileDescriptor fd_;
  bool renamed_ = false;
};

// A rename reaches the disk when its folder is flushed.
void sync_folder(const std::string& folder) {
  const FileDescriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const bool synced = fd.is_open() && uninterrupted([&] { return ::fsync(fd.get()); }) == 0;
  const bool unsupported = fd.is_open() && errno == EINVAL;  // some file systems have no fsync of folders
  if (!synced && !unsupported) fail_write("flush a folder to disk", folder, errno);
}

void refuse_special_file(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    fail("cannot write a file: a folder or device has this name (", path, "); choose another name");
  }
}

bool same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

std::string first_line(int fd) {
  char text[32] = {};
  const auto got = ::pread(fd, text, sizeof text - 1, 0);
  const std::string all(text, static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  return all.substr(0, all.find('\n'));
}

}  // namespace

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (is_open()) ::close(fd_);
}

RandomAccessFile::RandomAccessFile(const std::string& path) : path_(path) {
  // Without O_NONBLOCK, opening a pipe would wait for its writer instead of being refused below.
  fd_ =
      FileDescriptor(uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); }));
  if (!fd_.is_open() && (errno == ENOENT || errno == ENOTDIR)) {
    fail_input("file not found (", path, "); check the path");
  }
  if (!fd_.is_open())
    fail_input("cannot open a file: ", std::strerror(errno), " (", path, "); check its permissions");
  struct stat status {};
  if (::fstat(fd_.get(), &status) < 0) fail("cannot read a file: ", std::strerror(errno), " (", path, ")");
  if (!S_ISREG(status.st_mode)) fail_input("not a regular file (", path, "); give the path of a file");
  size_ = status.st_size;
}

void RandomAccessFile::read(std::int64_t offset, void* to, std::int64_t size) const {
  auto* out = static_cast<char*>(to);
  while (size > 0) {
    const auto got = uninterrupted(
        [&] { return ::pread(fd_.get(), out, static_cast<std::size_t>(size), static_cast<off_t>(offset)); });
    if (got < 0) fail("cannot read a file: ", std::strerror(errno), " (", path_, "); check the disk");
    if (got == 0) {
      fail("a file became shorter while it was read: ", size, " bytes are missing at byte ", offset, " (",
           path_, "); try again when nothing else writes it");
    }
    out += got;
    offset += got;
    size -= got;
  }
}

std::string read_file(const std::string& path, std::int64_t max_bytes) {
  const RandomAccessFile file(path);
  if (file.size() > max_bytes) {
    fail_input("the file has ", file.size(), " bytes, at most ", max_bytes, " are allowed here (", path,
               "); check that it is the right file");
  }
  std::string bytes(static_cast<std::size_t>(file.size()), '\0');
  file.read(0, bytes.data(), file.size());
  return bytes;
}

void FileWriter::write(const void* data, std::size_t size) {
  const auto* from = static_cast<const char*>(data);
  while (size > 0) {
    const auto written = uninterrupted([&] { return ::write(fd_, from, size); });
    if (written < 0) fail_write("write a file", path_, errno);
    from += written;
    size -= static_cast<std::size_t>(written);
  }
}

void atomic_write(const std::string& path, const std::function<void(FileWriter&)>& fill) {
  refuse_special_file(path);
  {
    TemporaryFile temporary(path);
    FileWriter writer(temporary.fd(), path);
    fill(writer);
    temporary.take_the_place();
  }
  sync_folder(folder_of(path));
}

void atomic_write(const std::string& path, std::string_view bytes) {
  atomic_write(path, [bytes](FileWriter& writer) { writer.write(bytes); });
}

void remove_stale_temporaries(const std::string& folder) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const bool stale = entry.path().filename().string().find(kTemporaryMark) != std::string::npos;
    if (stale) std::filesystem::remove(entry.path(), error);
  }
}

namespace {

// Whoever makes a folder holds it alone for a moment.
bool take_shared(int fd) {
  constexpr int kAttempts = 100;
  for (int i = 0; i < kAttempts; ++i) {
    if (::flock(fd, LOCK_SH | LOCK_NB) == 0) return true;
    ::usleep(20'000);
  }
  return false;
}

}  // namespace

FileLock::FileLock(const std::string& folder, bool shared)
    : path_((std::filesystem::path(folder) / ".lock").string()) {
  while (true) {
    fd_ = FileDescriptor(
        uninterrupted([&] { return ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666); }));
    if (!fd_.is_open()) fail_write("lock a folder", folder, errno);
    was_alone_ = ::flock(fd_.get(), LOCK_EX | LOCK_NB) == 0;
    if (!was_alone_ && !(shared && take_shared(fd_.get()))) {
      if (errno != EWOULDBLOCK) fail_write("lock a folder", folder, errno);
      fail_input("the folder is in use by process ", first_line(fd_.get()), " (", folder,
                 "); wait until it has ended or choose another folder");
    }
    // The previous holder may have removed the file between our open and our lock. Then we hold nothing.
    struct stat held {
    }, named{};
    const bool ours =
        ::fstat(fd_.get(), &held) == 0 && ::stat(path_.c_str(), &named) == 0 && same_file(held, named);
    if (ours) break;
  }
  const std::string pid = concat(::getpid(), '\n');
  if (was_alone_ && ::ftruncate(fd_.get(), 0) == 0) FileWriter(fd_.get(), path_).write(pid);
}

void FileLock::share() {
  if (::flock(fd_.get(), LOCK_SH) < 0) fail_write("lock a folder", path_, errno);
}

// The last one that holds it takes the file away.
FileLock::~FileLock() {
  if (::flock(fd_.get(), LOCK_EX | LOCK_NB) == 0) ::unlink(path_.c_str());
}

}  // namespace thaw
