// Reading with limits, atomic writing under faults, the folder lock, SHA-256.
#include "nn/io/files.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/error.h"
#include "nn/io/sha256.h"
#include "tests/support/files.h"
#include "tests/support/messages.h"

namespace thaw::test {
namespace {

namespace fs = std::filesystem;

class Files : public ::testing::Test {
 protected:
  std::string in_folder(const std::string& name) const { return folder_.path(name); }
  int files_there() const {
    return static_cast<int>(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()));
  }

  TemporaryFolder folder_;
};

constexpr std::int64_t kPlenty = 1 << 30;

TEST_F(Files, ReadsWhatWasWritten) {
  std::string bytes = "a\n";
  bytes.push_back('\0');
  bytes += "\xff z";
  atomic_write(in_folder("f"), bytes);
  EXPECT_EQ(read_file(in_folder("f"), kPlenty), bytes);
  atomic_write(in_folder("f"), "");
  EXPECT_EQ(read_file(in_folder("f"), 0), "");
  EXPECT_EQ(files_there(), 1);
}

TEST_F(Files, WritesInManyPieces) {
  atomic_write(in_folder("f"), [](FileWriter& writer) {
    for (int i = 0; i < 1000; ++i) writer.write(concat(i, ' '));
  });
  EXPECT_EQ(read_file(in_folder("f"), kPlenty).size(), 10u * 2 + 90 * 3 + 900 * 4);
}

TEST_F(Files, WritesRelativeToTheWorkingFolder) {
  const fs::path before = fs::current_path();
  fs::current_path(folder_.path());
  atomic_write("plain-name", "x");
  fs::current_path(before);
  EXPECT_EQ(read_file(in_folder("plain-name"), 1), "x");
}

TEST_F(Files, ReadingSaysWhatIsWrong) {
  expect_worded(message_of<InputError>([&] { read_file(in_folder("none"), kPlenty); }));
  expect_worded(message_of<InputError>([&] { read_file(folder_.path(), kPlenty); }));
  expect_worded(message_of<InputError>([&] { read_file("/dev/null", kPlenty); }));
  atomic_write(in_folder("f"), "12345");
  expect_worded(message_of<InputError>([&] { read_file(in_folder("f"), 4); }));
  expect_worded(message_of<InputError>([&] { read_file(in_folder("f/g"), 4); }));
}

TEST_F(Files, APipeIsRefusedWithoutWaiting) {
  ASSERT_EQ(::mkfifo(in_folder("pipe").c_str(), 0600), 0);
  expect_worded(message_of<InputError>([&] { read_file(in_folder("pipe"), kPlenty); }));
}

TEST_F(Files, AShrunkenFileIsAnErrorNotASignal) {
  atomic_write(in_folder("f"), std::string(10000, 'x'));
  const RandomAccessFile file(in_folder("f"));
  fs::resize_file(in_folder("f"), 5000);
  std::string bytes(10000, '\0');
  expect_worded(message_of([&] { file.read(0, bytes.data(), 10000); }));
}

TEST_F(Files, AnOpenFileKeepsItsBytesWhenItIsReplaced) {
  atomic_write(in_folder("f"), "old");
  const RandomAccessFile file(in_folder("f"));
  atomic_write(in_folder("f"), "new");
  std::string bytes(3, '\0');
  file.read(0, bytes.data(), 3);
  EXPECT_EQ(bytes, "old");
}

TEST_F(Files, AMissingFolderIsNamedWithTheReason) {
  const std::string message = message_of([&] { atomic_write(in_folder("no/f"), "x"); });
  expect_has(message, in_folder("no/f"));
  expect_has(message, "No such file or directory");
  expect_has(message, "make the folder");
}

TEST_F(Files, AFolderOrADeviceIsNotReplaced) {
  expect_worded(message_of([&] { atomic_write(folder_.path(), "x"); }));
  expect_worded(message_of([&] { atomic_write("/dev/null", "x"); }));
}

TEST_F(Files, AFailingCallbackLeavesTheOldFile) {
  atomic_write(in_folder("f"), "old");
  EXPECT_THROW(atomic_write(in_folder("f"),
                            [](FileWriter& writer) {
                              writer.write("new but incomplete");
                              throw std::runtime_error("stop");
                            }),
               std::runtime_error);
  EXPECT_EQ(read_file(in_folder("f"), kPlenty), "old");
  EXPECT_EQ(files_there(), 1);
}

// Files of this process may not grow past `bytes` while one lives: a write comes back short, the next one
// fails.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit limit{bytes, old_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  void (*handler_)(int);
  rlimit old_{};
};

TEST_F(Files, AFullDiskLeavesTheOldFile) {
  atomic_write(in_folder("f"), "old");
  for (const rlim_t room : {0, 1, 1000, 8191}) {
    const std::string message = [&] {
      const FileSizeLimit limit(room);
      return message_of([&] { atomic_write(in_folder("f"), std::string(8192, 'x')); });
    }();
    expect_has(message, in_folder("f"));
    expect_has(message, "File too large");
    EXPECT_EQ(read_file(in_folder("f"), kPlenty), "old");
    EXPECT_EQ(files_there(), 1);
  }
}

// Runs `action` in a child process; true when it returns normally.
template <class Action>
bool in_child(Action action) {
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      action();
    } catch (...) {
      ::_exit(1);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_F(Files, AKilledWriterLeavesTheOldFileAndATemporary) {
  atomic_write(in_folder("f"), "old");
  EXPECT_FALSE(in_child([&] {
    atomic_write(in_folder("f"), [](FileWriter& writer) {
      writer.write("new");
      ::kill(::getpid(), SIGKILL);
    });
  }));
  EXPECT_EQ(read_file(in_folder("f"), kPlenty), "old");
  EXPECT_EQ(files_there(), 2);
  remove_stale_temporaries(folder_.path());
  EXPECT_EQ(files_there(), 1);
  EXPECT_EQ(read_file(in_folder("f"), kPlenty), "old");
}

// As after a kill, where process numbers repeat.
TEST_F(Files, LeftTemporariesDoNotStandInTheWay) {
  for (int count = 0; count < 1000; ++count)
    std::ofstream(in_folder(concat("f.thaw-tmp-", ::getpid(), "-", count)));
  atomic_write(in_folder("f"), "new");
  EXPECT_EQ(read_file(in_folder("f"), kPlenty), "new");
}

TEST_F(Files, ASignalInTheMiddleOfWritingIsHarmless) {
  struct sigaction on_alarm {
  }, old{};
  on_alarm.sa_handler = [](int) {};  // without SA_RESTART: system calls return EINTR
  ::sigaction(SIGALRM, &on_alarm, &old);
  const itimerval every_millisecond{{0, 1000}, {0, 1000}};
  const itimerval never{};
  ::setitimer(ITIMER_REAL, &every_millisecond, nullptr);
  const std::string bytes(4 << 20, 'x');
  for (int i = 0; i < 5; ++i) atomic_write(in_folder("f"), bytes);
  ::setitimer(ITIMER_REAL, &never, nullptr);
  ::sigaction(SIGALRM, &old, nullptr);
  EXPECT_EQ(read_file(in_folder("f"), kPlenty), bytes);
}

TEST_F(Files, ALockedFolderIsRefusedToOthers) {
  {
    const FileLock lock(folder_.path());
    const std::string message = message_of<InputError>([&] { FileLock second(folder_.path()); });
    expect_has(message, concat("in use by process ", ::getpid()));
    expect_has(message, folder_.path());
    EXPECT_FALSE(in_child([&] { FileLock second(folder_.path()); }));
  }
  EXPECT_EQ(files_there(), 0);
  EXPECT_TRUE(in_child([&] { FileLock second(folder_.path()); }));
}

TEST_F(Files, ADeadProcessHoldsNoLock) {
  in_child([&] {
    const FileLock lock(folder_.path());
    ::kill(::getpid(), SIGKILL);
  });
  EXPECT_TRUE(fs::exists(in_folder(".lock")));
  EXPECT_NO_THROW(FileLock(folder_.path()));
}

TEST_F(Files, LockingAMissingFolderSaysSo) {
  expect_worded(message_of([&] { FileLock lock(in_folder("none")); }));
}

// Test vectors of FIPS 180-4's examples and the NIST CAVP short messages.
TEST(Sha256, KnownDigests) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256_hex("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                       "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"),
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
  EXPECT_EQ(sha256_hex(std::string(1, '\xbd')),
            "68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe732b");
  EXPECT_EQ(sha256_hex(std::string(1000000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PiecesOfAnySizeGiveTheSameDigest) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) bytes.push_back(static_cast<char>(i * 7));
  const std::string whole = sha256_hex(bytes);
  for (std::size_t piece = 1; piece < 200; ++piece) {
    Sha256 hash;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      hash.update(std::string_view(bytes).substr(at, piece));
      hash.update("");
    }
    EXPECT_EQ(hash.hex(), whole) << piece;
    EXPECT_EQ(hash.hex(), whole) << "asking twice";
  }
}

}  // namespace
}  // namespace thaw::test
