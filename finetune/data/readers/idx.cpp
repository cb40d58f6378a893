#include "finetune/data/readers/idx.h"

#include <array>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <system_error>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/data/numbers.h"
#include "finetune/data/readers/input_file.h"
#include "finetune/data/readers/labels.h"

namespace thaw {
namespace {

constexpr unsigned char kUnsignedByte = 0x08;
constexpr size_t kImageDims = 3;
constexpr size_t kLabelDims = 1;

uint64_t big_endian(const unsigned char* bytes) {
  return uint64_t{bytes[0]} << 24 | uint64_t{bytes[1]} << 16 | uint64_t{bytes[2]} << 8 | uint64_t{bytes[3]};
}

void check_magic(const std::array<unsigned char, 4>& magic, size_t dims, const std::string& path) {
  if (magic[0] != 0 || magic[1] != 0) {
    fail_input("not an IDX file (", path, "): it does not begin with two zero bytes; check the path");
  }
  if (magic[2] != kUnsignedByte) {
    fail_input("IDX values of type ", int{magic[2]}, " (", path, "); only unsigned bytes, type 8, are read");
  }
  if (magic[3] != dims) {
    fail_input("an IDX file of ", int{magic[3]}, " dimensions where ", dims, " are wanted (", path,
               "); images have 3 (count, rows, columns), labels 1");
  }
}

// The sizes of the dimensions, whose product is known to fit the file.
std::vector<uint64_t> read_header(InputFile& file, size_t dims) {
  std::array<unsigned char, 4> magic;
  file.read_exactly(magic.data(), magic.size(), "header");
  check_magic(magic, dims, file.path());
  std::vector<uint64_t> sizes;
  uint64_t total = 1;
  for (size_t i = 0; i < dims; ++i) {
    std::array<unsigned char, 4> bytes;
    file.read_exactly(bytes.data(), bytes.size(), "header");
    sizes.push_back(big_endian(bytes.data()));
    if (sizes.back() == 0) fail_input("an IDX dimension of size 0 (", file.path(), "); give some samples");
    if (total > file.size_bound() / sizes.back()) {
      fail_input("the IDX header claims more values than the file can hold (", file.path(),
                 "); get the whole file");
    }
    total *= sizes.back();
  }
  return sizes;
}

void check_end(InputFile& file) {
  char extra;
  if (file.read(&extra, 1) != 0) {
    fail_input("the file goes on after its last value (", file.path(), "); get an undamaged file");
  }
}

Dataset read_images(const std::string& path) {
  const std::unique_ptr<InputFile> file = open_input(path);
  const std::vector<uint64_t> sizes = read_header(*file, kImageDims);
  const uint64_t count = sizes[0], pixels = sizes[1] * sizes[2];
  check_memory(count * (pixels * sizeof(float) + sizeof(Sample)), path);

  Dataset data;
  data.samples.reserve(count);
  std::vector<float> values;
  values.reserve(count * pixels);
  std::vector<unsigned char> image(pixels);
  for (uint64_t i = 0; i < count; ++i) {
    file->read_exactly(image.data(), image.size(), "images");
    for (unsigned char pixel : image) values.push_back(static_cast<float>(pixel) / 255.0f);
    data.samples.push_back({.id = static_cast<int64_t>(i)});
  }
  check_end(*file);
  const std::vector<int64_t> shape{1, static_cast<int64_t>(sizes[1]), static_cast<int64_t>(sizes[2])};
  data.inputs = std::make_shared<const Numbers>(shape, std::move(values));
  return data;
}

// One for each of the images, which are in the file `images`.
std::vector<std::string> read_labels(const std::string& path, int64_t count, const std::string& images) {
  const std::unique_ptr<InputFile> file = open_input(path);
  const uint64_t labelled = read_header(*file, kLabelDims)[0];
  if (labelled != static_cast<uint64_t>(count)) {
    fail_input(count, " images (", images, ") and ", labelled, " labels (", path,
               "); give files that belong together");
  }
  std::vector<unsigned char> bytes(labelled);
  file->read_exactly(bytes.data(), bytes.size(), "labels");
  check_end(*file);
  std::vector<std::string> labels;
  labels.reserve(bytes.size());
  for (unsigned char byte : bytes) labels.push_back(std::to_string(byte));
  return labels;
}

// The last `from` in the name becomes `to`.
void replace_last(std::string& name, const std::string& from, const std::string& to) {
  const size_t at = name.rfind(from);
  if (at != std::string::npos) name.replace(at, from.size(), to);
}

// train-images-idx3-ubyte.gz -> train-labels-idx1-ubyte.gz, in the same folder.
std::string labels_path(const std::string& images) {
  const std::filesystem::path path = images;
  std::string name = path.filename().string();
  if (name.find("images") == std::string::npos) {
    fail_input("the name of an IDX file must have \"images\" in it, so that its labels can be found (",
               images, "); give the images file, named like train-images-idx3-ubyte.gz");
  }
  replace_last(name, "images", "labels");
  replace_last(name, "idx3", "idx1");
  std::string labels = (path.parent_path() / name).string();
  std::error_code ignored;  // a path that cannot be looked at has no file
  if (!std::filesystem::exists(labels, ignored)) {
    fail_input("the images have no labels file (", images, "): ", labels,
               " was looked for; put it there under that name");
  }
  return labels;
}

}  // namespace

Dataset read_idx(const DataSource& source) {
  if (source.targets == Targets::none) return read_images(source.path);
  const std::string labels_file = labels_path(source.path);
  Dataset data = read_images(source.path);
  const std::vector<std::string> labels = read_labels(labels_file, data.size(), source.path);
  return with_labels(std::move(data), labels, source,
                     [&](int64_t row) { return concat(labels_file, ", image ", row + 1); });
}

}  // namespace thaw
