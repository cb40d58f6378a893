#include "finetune/cache/prefix_file.h"

#include <algorithm>

#include "core/error.h"
#include "finetune/common/json.h"

namespace thaw {
namespace {

constexpr char kMagic[] = {'t', 'h', 'a', 'w', 'p', 'f', 'x', '1'};
constexpr std::uint32_t kMostHeaderBytes = 1 << 16;
constexpr std::int64_t kMostRowSize = std::int64_t{1} << 31, kMostRows = std::int64_t{1} << 20;

std::string header_text(const PrefixFileHeader& header, std::size_t entries) {
  return json_line(Json{{"key", hex_of(header.name.key)},
                        {"model", header.name.model},
                        {"stage", header.name.stage},
                        {"row_shape", header.row_shape},
                        {"seconds_per_row", header.seconds_per_row},
                        {"entries", entries}});
}

Digest digest_of_hex(const std::string& text) {
  if (text.size() != 64) throw Error("the key has not 64 digits");
  Digest digest{};
  for (std::size_t i = 0; i < 64; ++i) {
    const char* digits = "0123456789abcdef";
    const char* at = std::find(digits, digits + 16, text[i]);
    digest[i / 8] = digest[i / 8] << 4 | static_cast<std::uint32_t>(at - digits);
  }
  return digest;
}

std::int64_t product(const std::vector<std::int64_t>& shape) {
  std::int64_t size = 1;
  for (const std::int64_t s : shape) {
    if (s < 1 || s > kMostRowSize / size) throw Error("the shape of a row is impossible");
    size *= s;
  }
  return size;
}

}  // namespace

std::uint64_t checksum_of(const float* values, std::int64_t count) {
  Sha256 hash;
  hash.update(values, static_cast<std::size_t>(count) * sizeof(float));
  return front_of(hash.digest());
}

PrefixFile::PrefixFile(const std::string& path) : path_(path) {
  const RandomAccessFile file(path);
  bytes_ = file.size();
  const auto refuse = [&](const char* what) {
    fail("a file of the cache is damaged: ", what, " (", path, ")");
  };
  char magic[sizeof kMagic];
  std::uint32_t header_size = 0;
  Sha256 hash;
  std::int64_t at = 0;
  const auto take = [&](void* to, std::int64_t size) {
    if (size > bytes_ - at) refuse("it ends too soon");
    file.read(at, to, size);
    at += size;
  };
  take(magic, sizeof magic);
  take(&header_size, sizeof header_size);
  if (!std::equal(kMagic, std::end(kMagic), magic) || header_size > kMostHeaderBytes)
    refuse("it is of another kind");
  std::string text(header_size, '\0');
  take(text.data(), header_size);
  hash.update(magic, sizeof magic);
  hash.update(&header_size, sizeof header_size);
  hash.update(text);
  std::int64_t entries = 0;
  try {
    const Json json = Json::parse(text);
    header_.name = {digest_of_hex(json.at("key")), json.at("model"), json.at("stage")};
    header_.row_shape = json.at("row_shape").get<std::vector<std::int64_t>>();
    header_.seconds_per_row = json.at("seconds_per_row");
    if (!json.at("entries").is_number_unsigned()) refuse("its header cannot be read");
    entries = json.at("entries");
    row_size_ = product(header_.row_shape);
  } catch (const std::exception&) {
    refuse("its header cannot be read");
  }
  const auto index_bytes = static_cast<std::int64_t>(sizeof(IndexRow));
  if (entries < 0 || entries > (bytes_ - at) / index_bytes) refuse("it ends too soon");
  index_.resize(static_cast<std::size_t>(entries));
  take(index_.data(), entries * index_bytes);
  hash.update(index_.data(), static_cast<std::size_t>(entries * index_bytes));
  Digest expected{};
  take(expected.data(), sizeof expected);
  if (hash.digest() != expected) refuse("a checksum is wrong");
  for (const IndexRow& row : index_) {
    if (row.rows < 1 || row.rows > kMostRows) refuse("its index is impossible");
    offsets_.push_back(at);
    const std::int64_t size = row.rows * row_size_ * static_cast<std::int64_t>(sizeof(float));
    if (size > bytes_ - at) refuse("it ends too soon");
    at += size;
  }
}

bool PrefixFile::read(std::size_t i, float* to) const {
  const std::int64_t count = index_[i].rows * row_size_;
  try {
    RandomAccessFile(path_).read(offsets_[i], to, count * static_cast<std::int64_t>(sizeof(float)));
  } catch (const Error&) {
    return false;
  }
  return checksum_of(to, count) == index_[i].checksum;
}

void write_prefix_file(const std::string& path, const PrefixFileHeader& header,
                       const std::vector<IndexRow>& index,
                       const std::function<const float*(std::size_t)>& values) {
  const std::string text = header_text(header, index.size());
  const auto header_size = static_cast<std::uint32_t>(text.size());
  const std::int64_t row_size = product(header.row_shape);
  atomic_write(path, [&](FileWriter& writer) {
    Sha256 hash;
    const auto write = [&](const void* data, std::size_t size) {
      hash.update(data, size);
      writer.write(data, size);
    };
    write(kMagic, sizeof kMagic);
    write(&header_size, sizeof header_size);
    write(text.data(), text.size());
    write(index.data(), index.size() * sizeof(IndexRow));
    const Digest digest = hash.digest();
    writer.write(digest.data(), sizeof digest);
    for (std::size_t i = 0; i < index.size(); ++i)
      writer.write(values(i), static_cast<std::size_t>(index[i].rows * row_size) * sizeof(float));
  });
}

}  // namespace thaw
