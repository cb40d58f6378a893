#include "finetune/data/sound/wav.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/data/sound/libsndfile.h"
#include "finetune/data/sound/sound_file.h"

namespace thaw {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::uint32_t kPcm = 1, kFloats = 3, kExtensible = 0xFFFE;
constexpr std::size_t kFormatBytes = 16, kExtensibleBytes = 40;
// A WAVEFORMATEXTENSIBLE ends in 16 bytes of which the first two are a format as above; the others are these.
constexpr std::size_t kSubformatAt = 24;
constexpr std::string_view kSubformatTail = "\0\0\0\0\x10\0\x80\0\0\xAA\0\x38\x9B\x71"sv;
// The size of a chunk whose writer did not know it: one that wrote into a pipe and could not come back to it.
constexpr std::uint32_t kUnknownSize = 0xFFFFFFFF;

std::uint32_t little_endian(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < count; ++i)
    value |= std::uint32_t{static_cast<unsigned char>(bytes[at + i])} << 8 * i;
  return value;
}

struct Chunk {
  std::string name;
  std::uint32_t size = 0;
};

// What a file has behind its first twelve bytes.
class Chunks {
 public:
  explicit Chunks(InputFile& file) : file_(file), left_(file.size_bound() - kWavHeadBytes) {}

  // Nothing at the end of the file.
  std::optional<Chunk> next() {
    std::array<char, 8> head;
    const std::size_t got = file_.read(head.data(), head.size());
    left_ -= got;
    if (got < head.size()) return std::nullopt;
    return Chunk{std::string(head.data(), 4), little_endian({head.data(), head.size()}, 4, 4)};
  }

  // The first bytes of a chunk, up to `most`. The file then stands at the next chunk.
  std::string content(const Chunk& chunk, std::size_t most) {
    check_there(chunk);
    std::string bytes(std::min<std::size_t>(most, chunk.size), '\0');
    file_.read_exactly(bytes.data(), bytes.size(), "header");
    left_ -= bytes.size();
    skip(chunk.size - bytes.size() + chunk.size % 2);  // behind a chunk of an odd size there is a byte more
    return bytes;
  }

  void check_there(const Chunk& chunk) const {
    if (chunk.size > left_)
      fail_input("the file ends inside its chunk ", in_quotes(chunk.name), " (", file_.path(),
                 "): ", chunk.size, " bytes announced, ", left_, " there; get the whole file");
  }

  // No more bytes than this follow.
  std::uint64_t left() const { return left_; }

 private:
  // At the end of the file less is skipped, and then the next chunk is missing too.
  void skip(std::uint64_t size) {
    std::array<char, 4096> block;
    while (size > 0) {
      const std::size_t got = file_.read(block.data(), std::min<std::uint64_t>(size, block.size()));
      if (got == 0) return;
      size -= got;
      left_ -= got;
    }
  }

  InputFile& file_;
  std::uint64_t left_;
};

struct WavFormat {
  std::uint32_t encoding = 0;  // kPcm, kFloats or another
  std::int64_t bits = 0;       // of a sample
  std::int64_t rate = 0, channels = 0;
  std::int64_t frame_bytes = 0;

  bool is_pcm16() const { return encoding == kPcm && bits == 16; }

  std::string name() const {
    if (encoding == kPcm) return concat("WAV of ", bits, "-bit PCM");
    if (encoding == kFloats) return concat("WAV of ", bits, "-bit floats");
    return concat("WAV of encoding ", encoding);
  }
};

WavFormat parse_format(std::string_view bytes, const std::string& path) {
  if (bytes.size() < kFormatBytes)
    fail_input("a chunk \"fmt \" of ", bytes.size(), " bytes instead of ", kFormatBytes, " (", path,
               "); get an undamaged WAV file");
  WavFormat format;
  format.encoding = little_endian(bytes, 0, 2);
  format.channels = little_endian(bytes, 2, 2);
  format.rate = little_endian(bytes, 4, 4);
  format.frame_bytes = little_endian(bytes, 12, 2);
  format.bits = little_endian(bytes, 14, 2);
  if (format.encoding == kExtensible && bytes.size() == kExtensibleBytes &&
      bytes.substr(kSubformatAt + 2) == kSubformatTail)
    format.encoding = little_endian(bytes, kSubformatAt, 2);
  if (format.is_pcm16() && format.frame_bytes != 2 * format.channels)
    fail_input("frames of ", format.frame_bytes, " bytes for ", format.channels, " channels of 16 bits (",
               path, "); get an undamaged WAV file");
  return format;
}

// The format, and the chunk with the samples, at the first of which the file then stands.
std::pair<WavFormat, Chunk> find_samples(Chunks& chunks, const std::string& path) {
  std::optional<WavFormat> format;
  while (const auto chunk = chunks.next()) {
    if (chunk->name == "data") {
      if (format) return {*format, *chunk};
      fail_input("samples before the chunk \"fmt \" that says what they are (", path,
                 "); get an undamaged WAV file");
    }
    const std::string content = chunks.content(*chunk, kExtensibleBytes);
    if (chunk->name == "fmt ") format = parse_format(content, path);
  }
  fail_input("a WAV file without samples (", path, "): it has no chunk \"data\"; get the whole file");
}

class WavReader : public SoundReader {
 public:
  WavReader(std::unique_ptr<InputFile> file, const WavFormat& format, std::optional<std::int64_t> count)
      : file_(std::move(file)),
        size_(static_cast<std::size_t>(format.frame_bytes)),
        left_(count.value_or(std::numeric_limits<std::int64_t>::max())) {
    rate = format.rate;
    channels = format.channels;
    frames = count;
  }

  std::size_t read(float* to, std::size_t count) override {
    const std::size_t wanted = std::min(count, static_cast<std::size_t>(left_));
    bytes_.resize(wanted * size_);
    const std::size_t got = file_->read(bytes_.data(), bytes_.size()) / size_;
    for (std::size_t i = 0; i < got; ++i) to[i] = mean(bytes_.data() + i * size_);
    left_ -= static_cast<std::int64_t>(got);
    return got;
  }

 private:
  // Full scale is 32,768.
  float mean(const unsigned char* frame) const {
    std::int64_t sum = 0;
    for (std::int64_t c = 0; c < channels; ++c)
      sum += static_cast<std::int16_t>(frame[2 * c] | frame[2 * c + 1] << 8);
    return static_cast<float>(static_cast<double>(sum) / (32768.0 * static_cast<double>(channels)));
  }

  std::unique_ptr<InputFile> file_;
  std::size_t size_;   // bytes of a frame
  std::int64_t left_;  // frames
  std::vector<unsigned char> bytes_;
};

}  // namespace

std::unique_ptr<SoundReader> open_wav(std::unique_ptr<InputFile> file, std::string_view head) {
  const std::string path = file->path();
  Chunks chunks(*file);
  const auto [format, data] = find_samples(chunks, path);
  // Who could not come back to write the one size could not write the other.
  const std::uint32_t whole = little_endian(head, 4, 4);
  const bool is_empty = data.size == 0 && whole != 0 && whole != kUnknownSize;
  const bool is_known = is_empty || (data.size != 0 && data.size != kUnknownSize);
  std::optional<std::int64_t> frames;
  if (format.is_pcm16() && format.channels > 0 && is_known) {
    frames = data.size / format.frame_bytes;
    check_all_there(static_cast<std::int64_t>(chunks.left()) / format.frame_bytes, *frames, path);
  }
  if (is_known) chunks.check_there(data);
  if (!format.is_pcm16()) return open_by_libsndfile(path, format.name());
  return std::make_unique<WavReader>(std::move(file), format, frames);
}

}  // namespace thaw
