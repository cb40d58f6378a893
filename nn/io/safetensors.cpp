// A file is 8 bytes with the header's length, the header, and the tensors' bytes one after another.
#include "nn/io/safetensors.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>
#include <string_view>
#include <tuple>

#include "core/autograd.h"
#include "core/error.h"

namespace thaw {
namespace {

static_assert(std::endian::native == std::endian::little,
              "safetensors bytes are little-endian, as memory must be");

constexpr std::int64_t kLengthBytes = 8;  // the header's length, before the header

constexpr std::pair<std::string_view, DType> kStorable[] = {
    {"F32", DType::f32}, {"F64", DType::f64}, {"BF16", DType::bf16},   {"I64", DType::i64},
    {"I32", DType::i32}, {"U8", DType::u8},   {"BOOL", DType::boolean}};

std::optional<DType> stored_dtype(std::string_view format_name) {
  for (const auto& [name, dtype] : kStorable)
    if (name == format_name) return dtype;
  return std::nullopt;
}

std::string format_name(DType dtype) {
  for (const auto& [name, stored] : kStorable)
    if (stored == dtype) return std::string(name);
  fail("dtype ", dtype_name(dtype), " cannot be saved as safetensors");
}

std::string read_header(const RandomAccessFile& file) {
  const std::string damaged = concat(" (", file.path(), "); get or export the file again");
  const std::int64_t size = file.size();
  if (size < kLengthBytes) fail_input("not a valid safetensors file: it has only ", size, " bytes", damaged);
  std::uint64_t length = 0;
  file.read(0, &length, kLengthBytes);
  if (length > kMaxSafetensorsHeader) {
    fail_input("not a valid safetensors file: its header would have ", length, " bytes, at most ",
               kMaxSafetensorsHeader, " are allowed", damaged);
  }
  if (static_cast<std::int64_t>(length) > size - kLengthBytes) {
    fail_input("not a valid safetensors file: it is cut off inside its header of ", length, " bytes",
               damaged);
  }
  std::string header(length, '\0');
  file.read(kLengthBytes, header.data(), static_cast<std::int64_t>(length));
  return header;
}

// IEEE 754 binary16 to binary32: exact; NaN payloads are kept.
float widen_half(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000) << 16;
  const std::uint32_t exponent = half >> 10 & 0x1f;
  const std::uint32_t fraction = half & 0x3ff;
  constexpr std::uint32_t kBiasDifference = 127 - 15;
  if (exponent == 0) {  // zero or subnormal
    const float magnitude = std::ldexp(static_cast<float>(fraction), -24);
    return sign ? -magnitude : magnitude;
  }
  const std::uint32_t wide_exponent = exponent == 0x1f ? 0xff : exponent + kBiasDifference;
  return std::bit_cast<float>(sign | wide_exponent << 23 | fraction << 13);
}

void read_halves(const RandomAccessFile& file, std::int64_t offset, float* to, std::int64_t n) {
  constexpr std::int64_t kChunk = 1 << 16;
  std::vector<std::uint16_t> halves(static_cast<std::size_t>(std::min(n, kChunk)));
  for (std::int64_t done = 0; done < n; done += kChunk) {
    const std::int64_t count = std::min(n - done, kChunk);
    file.read(offset + 2 * done, halves.data(), 2 * count);
    std::transform(halves.begin(), halves.begin() + count, to + done, widen_half);
  }
}

void check_booleans(const void* data, const SafetensorsEntry& entry, const std::string& path) {
  const auto* bytes = static_cast<const unsigned char*>(data);
  const bool clean =
      std::all_of(bytes, bytes + (entry.end - entry.begin), [](unsigned char b) { return b <= 1; });
  if (!clean) {
    fail_input("BOOL tensor ", quoted_name(entry.name), " has a byte that is neither 0 nor 1 (", path,
               "); export it again as U8 or BOOL");
  }
}

struct Item {
  SafetensorsEntry entry;
  Tensor tensor;
};

Item make_item(const std::string& path, const std::string& name, const Tensor& tensor) {
  if (!tensor.defined() || tensor.device() != kCpu) {
    fail("tensor ", quoted_name(name), " has no data in the CPU's memory to save (", path,
         "); copy it there first");
  }
  const Shape& shape = tensor.shape();
  return {{name, format_name(tensor.dtype()), {shape.begin(), shape.end()}, 0, 0}, tensor};
}

// The reference writer's order: by descending alignment of the dtype, then by the name's bytes.
bool written_before(const Item& a, const Item& b) {
  const int a_order = -safetensors_dtype_order(a.entry.dtype);
  const int b_order = -safetensors_dtype_order(b.entry.dtype);
  return std::tie(a_order, a.entry.name) < std::tie(b_order, b.entry.name);
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::string& path) : file_(path) {
  const std::string header = read_header(file_);
  data_begin_ = kLengthBytes + static_cast<std::int64_t>(header.size());
  header_ = parse_safetensors_header(header, file_.size() - data_begin_, path);
  for (std::size_t i = 0; i < header_.entries.size(); ++i) index_.emplace(header_.entries[i].name, i);
}

const SafetensorsEntry* SafetensorsFile::find(const std::string& name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &header_.entries[found->second];
}

Tensor SafetensorsFile::load(const std::string& name) const {
  const SafetensorsEntry* entry = find(name);
  if (!entry)
    fail_input("there is no tensor ", quoted_name(name), " (", path(), "); thaw inspect lists the names");
  const bool is_half = entry->dtype == "F16";
  const auto dtype = is_half ? DType::f32 : stored_dtype(entry->dtype);
  if (!dtype) {
    fail_input("tensor ", quoted_name(name), " has dtype ", entry->dtype, ", which cannot be loaded (",
               path(), "); convert it to F32, F64, F16, BF16, I64, I32, U8 or BOOL");
  }
  if (entry->shape.size() > static_cast<std::size_t>(kMaxRank)) {
    fail_input("tensor ", quoted_name(name), " has ", entry->shape.size(), " dimensions, at most ", kMaxRank,
               " can be loaded (", path(), "); reshape it");
  }

  Tensor tensor = empty(Shape(entry->shape), {*dtype, kCpu});
  const View view = tensor;
  const std::int64_t offset = data_begin_ + entry->begin;
  if (is_half) {
    read_halves(file_, offset, view.as<float>(), tensor.numel());
  } else {
    file_.read(offset, view.data, tensor.bytes());
  }
  if (*dtype == DType::boolean) check_booleans(view.data, *entry, path());
  return tensor;
}

Tensor SafetensorsFile::load_as(const std::string& name, DType dtype) const {
  const NoGrad no_grad;
  return load(name).to(dtype);
}

void save_safetensors(const std::string& path, const NamedTensors& tensors,
                      const std::map<std::string, std::string>& metadata) {
  std::vector<Item> items;
  for (const auto& [name, tensor] : tensors) items.push_back(make_item(path, name, tensor));
  std::sort(items.begin(), items.end(), written_before);

  SafetensorsHeader header;
  header.metadata = metadata;
  std::int64_t offset = 0;
  for (Item& item : items) {
    item.entry.begin = offset;
    offset += item.tensor.bytes();
    item.entry.end = offset;
    header.entries.push_back(item.entry);
  }
  const std::string json = write_safetensors_header(header, path);
  if (json.size() > kMaxSafetensorsHeader)
    fail("the names and metadata need a header of ", json.size(), " bytes, at most ", kMaxSafetensorsHeader,
         " are allowed (", path, "); save fewer tensors or less metadata");

  const NoGrad no_grad;
  atomic_write(path, [&](FileWriter& writer) {
    const std::uint64_t length = json.size();
    writer.write(&length, sizeof length);
    writer.write(json);
    for (const Item& item : items) {
      const Tensor contiguous = item.tensor.contiguous();
      const ConstView view = contiguous;
      writer.write(view.data, static_cast<std::size_t>(contiguous.bytes()));
    }
  });
}

}  // namespace thaw
