#include "finetune/data/sound/libsndfile.h"

#include "core/error.h"

#if THAW_HAS_SNDFILE

#include <fcntl.h>
#include <sndfile.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

namespace thaw {
namespace {

// libsndfile is given the file's number and not its path: from a path it would guess formats, and take "-" for standard
// input.
class Descriptor {
 public:
  explicit Descriptor(const std::string& path) : value(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (value < 0) fail_input("cannot open (", path, "): ", std::strerror(errno), "; check its permissions");
  }
  ~Descriptor() { close(value); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  const int value;
};

class LibsndfileReader : public SoundReader {
 public:
  LibsndfileReader(const std::string& path, const std::string& kind)
      : path_(path), kind_(kind), descriptor_(path) {
    SF_INFO info{};
    file_ = sf_open_fd(descriptor_.value, SFM_READ, &info, 0);
    if (!file_) fail_read();
    rate = info.samplerate;
    channels = info.channels;
    if (info.frames > 0 && info.frames != SF_COUNT_MAX) frames = info.frames;
  }
  ~LibsndfileReader() override { sf_close(file_); }
  LibsndfileReader(const LibsndfileReader&) = delete;
  LibsndfileReader& operator=(const LibsndfileReader&) = delete;

  std::size_t read(float* to, std::size_t count) override {
    values_.resize(count * static_cast<std::size_t>(channels));
    const std::int64_t got = sf_readf_float(file_, values_.data(), static_cast<sf_count_t>(count));
    for (std::int64_t i = 0; i < got; ++i) to[i] = mean(values_.data() + i * channels);
    read_ += got;
    // Where frames are missing the caller says how many.
    if (sf_error(file_) != SF_ERR_NO_ERROR && read_ >= frames.value_or(0)) fail_read();
    return static_cast<std::size_t>(got);
  }

 private:
  float mean(const float* frame) const {
    double sum = 0;
    for (std::int64_t c = 0; c < channels; ++c) sum += frame[c];
    return static_cast<float>(sum / static_cast<double>(channels));
  }

  [[noreturn]] void fail_read() const {
    std::string_view reason = sf_strerror(file_);
    reason = reason.substr(0, reason.find_first_of(".\n"));
    fail_input("cannot read a file of the kind ", kind_, " (", path_, "): ", reason,
               "; get an undamaged file");
  }

  std::string path_, kind_;
  Descriptor descriptor_;
  SNDFILE* file_ = nullptr;
  std::int64_t read_ = 0;  // frames
  std::vector<float> values_;
};

}  // namespace

std::unique_ptr<SoundReader> open_by_libsndfile(const std::string& path, const std::string& kind) {
  return std::make_unique<LibsndfileReader>(path, kind);
}

}  // namespace thaw

#else

namespace thaw {

std::unique_ptr<SoundReader> open_by_libsndfile(const std::string& path, const std::string& kind) {
  fail_input(kind, " needs a build with libsndfile (", path,
             "); install libsndfile1-dev and build again, or convert it to 16-bit WAV");
}

}  // namespace thaw

#endif
