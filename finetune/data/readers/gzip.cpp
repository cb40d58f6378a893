#include "finetune/data/readers/gzip.h"

#include "core/error.h"

#ifdef THAW_HAS_ZLIB

#include <zlib.h>

#include <algorithm>
#include <limits>

namespace thaw {
namespace {

// Deflate gives at most 1032 bytes for one (zlib's technical notes), so a small file cannot claim a huge one.
constexpr uint64_t kMaxRatio = 1032;
constexpr unsigned kBufferBytes = 1 << 17;

class GzipFile : public InputFile {
 public:
  GzipFile(const std::string& path, uint64_t compressed_size)
      : InputFile(path, bound(compressed_size)), file_(gzopen(path.c_str(), "rb")) {
    if (!file_) fail_input("cannot open (", path, "); check its permissions");
    gzbuffer(file_, kBufferBytes);
  }
  ~GzipFile() override { gzclose(file_); }
  GzipFile(const GzipFile&) = delete;
  GzipFile& operator=(const GzipFile&) = delete;

  size_t read(void* to, size_t size) override {
    size_t done = 0;
    while (done < size) {
      const size_t wanted = std::min<size_t>(size - done, std::numeric_limits<int>::max());
      const int got = gzread(file_, static_cast<char*>(to) + done, static_cast<unsigned>(wanted));
      if (got <= 0) break;
      done += static_cast<size_t>(got);
    }
    if (done < size) check_end();
    return done;
  }

 private:
  static uint64_t bound(uint64_t compressed_size) {
    return compressed_size > std::numeric_limits<uint64_t>::max() / kMaxRatio
               ? std::numeric_limits<uint64_t>::max()
               : compressed_size * kMaxRatio;
  }

  // A cut or damaged stream ends early too, and is told apart from a proper end here.
  void check_end() {
    int code = Z_OK;
    const char* message = gzerror(file_, &code);
    if (code != Z_OK && code != Z_STREAM_END) {
      fail_input("damaged gzip data (", message, "); get the whole file");
    }
  }

  gzFile file_;
};

}  // namespace

std::unique_ptr<InputFile> open_gzip(const std::string& path, uint64_t compressed_size) {
  return std::make_unique<GzipFile>(path, compressed_size);
}

}  // namespace thaw

#else

namespace thaw {

std::unique_ptr<InputFile> open_gzip(const std::string& path, uint64_t) {
  fail_input("this build lacks zlib, which gzip files need (", path, "); decompress it with gunzip");
}

}  // namespace thaw

#endif
