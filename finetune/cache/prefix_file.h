// A file of the prefix cache: what the frozen stages of one model gave a number of samples. It is written once and never
// changed, so that processes may share a folder of them without a lock. Everything in it is checksummed: what a crash or a
// bad disk left of one is not used.
//
//   "thawpfx1", the size of the header (u32), the header (JSON), the index (an IndexRow for each sample), SHA-256 of all
//   that before it, then the values: f32, in the order of the index
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "nn/io/files.h"
#include "nn/io/sha256.h"

namespace thaw {

// Of a sample's content; half a SHA-256.
struct SampleKey {
  std::uint64_t first = 0, second = 0;
  bool operator==(const SampleKey& other) const = default;
};

// What an entry is made by, and what people are told of it.
struct PrefixName {
  Digest key{};       // of weights, architecture, program and number of stages
  std::string model;  // "bert, from minilm"
  std::string stage;  // the last one, "layer.4"
};

struct PrefixFileHeader {
  PrefixName name;
  std::vector<std::int64_t> row_shape;  // of one row
  double seconds_per_row = 0;           // that computing took
};

struct IndexRow {
  SampleKey sample;
  std::int64_t rows = 0;       // 1, or the tokens of the sample
  std::uint64_t checksum = 0;  // of its values
};

// Of the bytes: the first 8 of their SHA-256.
std::uint64_t checksum_of(const float* values, std::int64_t count);

class PrefixFile {
 public:
  // Reads header and index. Throws InputError where it cannot be opened, Error where it is not whole, or none of this
  // program's.
  explicit PrefixFile(const std::string& path);

  const std::string& path() const { return path_; }
  std::int64_t bytes() const { return bytes_; }
  const PrefixFileHeader& header() const { return header_; }
  const std::vector<IndexRow>& index() const { return index_; }
  // The values of index()[i]. False where they are not those that were written, or cannot be read.
  bool read(std::size_t i, float* to) const;

 private:
  std::string path_;  // opened for each read: a cache may have more files than a process may have open
  std::int64_t bytes_ = 0;
  PrefixFileHeader header_;
  std::vector<IndexRow> index_;
  std::vector<std::int64_t> offsets_;
  std::int64_t row_size_ = 1;  // numbers of one row
};

// Writes a file at `path`, whole or not at all. `values(i)`: those of index[i]. Throws Error where it cannot be written.
void write_prefix_file(const std::string& path, const PrefixFileHeader& header,
                       const std::vector<IndexRow>& index,
                       const std::function<const float*(std::size_t)>& values);

}  // namespace thaw
