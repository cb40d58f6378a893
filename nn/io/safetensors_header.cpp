// A reader for exactly the JSON that the format allows. It handles the parser's events one by one, so that
// repeated keys (which a JSON tree would silently merge), deep nesting and long lists are refused as they
// appear.
#include "nn/io/safetensors_header.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <tuple>
#include <unordered_set>

#include "core/error.h"
#include "core/shape.h"

namespace thaw {
namespace {

using Json = nlohmann::json;

struct FormatDType {
  std::string_view name;
  int bits;
};

// The format's dtypes in rising order of alignment, as the reference writer sorts them.
constexpr FormatDType kFormatDTypes[] = {
    {"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"U8", 8},          {"I8", 8},
    {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},
    {"U16", 16},    {"F16", 16},    {"BF16", 16},   {"I32", 32},        {"U32", 32},        {"F32", 32},
    {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64}};

constexpr const char* kMetadataKey = "__metadata__";

template <class... Parts>
[[noreturn]] void refuse(const std::string& path, const Parts&... parts) {
  fail_input("not a valid safetensors file: ", parts..., " (", path, "); get or export the file again");
}

// Receives the parser's events. The example at the top of the header file shows what is allowed where.
class HeaderReader : public nlohmann::json_sax<Json> {
 public:
  HeaderReader(SafetensorsHeader& header, const std::string& path) : header_(header), path_(path) {}

  bool start_object(std::size_t) override {
    if (place_ == Place::file) return enter(Place::top);
    if (place_ != Place::top) unexpected("an object");
    return key_ == kMetadataKey ? enter_metadata() : enter_tensor();
  }

  bool end_object() override {
    if (place_ == Place::tensor) require_all_fields();
    return enter(place_ == Place::top ? Place::file : Place::top);
  }

  bool key(std::string& text) override {
    key_ = text;
    if (place_ == Place::tensor) mark_field();
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ != Place::tensor || key_ == "dtype") unexpected("a list");
    return enter(key_ == "shape" ? Place::shape : Place::offsets);
  }

  bool end_array() override {
    if (place_ == Place::offsets && offsets_ != 2) {
      refuse(path_, where(), " has ", offsets_, " data_offsets instead of 2");
    }
    return enter(Place::tensor);
  }

  bool string(std::string& text) override {
    if (place_ == Place::metadata) {
      if (!header_.metadata.emplace(key_, text).second)
        refuse(path_, "metadata key ", quoted_name(key_), " occurs twice");
      return true;
    }
    if (place_ != Place::tensor || key_ != "dtype") unexpected("a string");
    if (safetensors_dtype_order(text) < 0)
      refuse(path_, where(), " has an unknown dtype ", quoted_name(text));
    entry().dtype = text;
    return true;
  }

  bool number_unsigned(std::uint64_t value) override {
    if (place_ != Place::shape && place_ != Place::offsets) unexpected("a number");
    if (value > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
      refuse(path_, "the number ", value, " in the ", key_, " of ", where(), " is too large");
    }
    const auto number = static_cast<std::int64_t>(value);
    if (place_ == Place::shape) {
      if (entry().shape.size() == kMaxSafetensorsRank) {
        refuse(path_, where(), " has more than ", kMaxSafetensorsRank, " dimensions");
      }
      entry().shape.push_back(number);
    } else if (++offsets_ <= 2) {
      (offsets_ == 1 ? entry().begin : entry().end) = number;
    }
    return true;
  }

  bool null() override { unexpected("null"); }
  bool boolean(bool) override { unexpected("true or false"); }
  bool number_integer(std::int64_t) override { unexpected("a negative number"); }
  bool number_float(double, const std::string& text) override {
    unexpected(concat("the number ", quoted_name(text), ", not an integer of 64 bits"));
  }
  bool binary(Json::binary_t&) override { unexpected("binary data"); }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    refuse(path_, "its header is not JSON (byte ", position, " of the header)");
  }

 private:
  enum class Place { file, top, metadata, tensor, shape, offsets };
  static constexpr unsigned kDType = 1, kShape = 2, kOffsets = 4;  // fields of a tensor, as bits

  bool enter(Place place) {
    place_ = place;
    return true;
  }

  bool enter_metadata() {
    if (metadata_seen_) refuse(path_, kMetadataKey, " occurs twice");
    metadata_seen_ = true;
    return enter(Place::metadata);
  }

  bool enter_tensor() {
    if (!names_.insert(key_).second) refuse(path_, "tensor ", quoted_name(key_), " occurs twice");
    if (header_.entries.size() == kMaxSafetensorsTensors) {
      refuse(path_, "more than ", kMaxSafetensorsTensors, " tensors");
    }
    header_.entries.push_back({key_, {}, {}, 0, 0});
    fields_ = 0;
    offsets_ = 0;
    return enter(Place::tensor);
  }

  void mark_field() {
    const unsigned field = key_ == "dtype"          ? kDType
                           : key_ == "shape"        ? kShape
                           : key_ == "data_offsets" ? kOffsets
                                                    : 0U;
    if (field == 0) refuse(path_, where(), " has an unknown key ", quoted_name(key_));
    if (fields_ & field) refuse(path_, where(), " has ", key_, " twice");
    fields_ |= field;
  }

  void require_all_fields() const {
    if (!(fields_ & kDType)) refuse(path_, where(), " has no dtype");
    if (!(fields_ & kShape)) refuse(path_, where(), " has no shape");
    if (!(fields_ & kOffsets)) refuse(path_, where(), " has no data_offsets");
  }

  [[noreturn]] void unexpected(const std::string& what) const {
    switch (place_) {
      case Place::file:
        refuse(path_, "its header is ", what, " instead of an object");
      case Place::top:
        refuse(path_, quoted_name(key_), " is ", what, " instead of an object");
      case Place::metadata:
        refuse(path_, "metadata ", quoted_name(key_), " is ", what, " instead of a string");
      default:
        refuse(path_, where(), " has ", what, " in ", quoted_name(key_));
    }
  }

  SafetensorsEntry& entry() { return header_.entries.back(); }
  std::string where() const { return "tensor " + quoted_name(header_.entries.back().name); }

  SafetensorsHeader& header_;
  const std::string& path_;
  Place place_ = Place::file;
  std::string key_;  // the last one read: the name of the next value
  std::unordered_set<std::string> names_;
  bool metadata_seen_ = false;
  unsigned fields_ = 0;  // that the current tensor has had
  int offsets_ = 0;      // numbers in its data_offsets
};

// The tensor's size in bytes by its dtype and shape.
std::int64_t bytes_of(const SafetensorsEntry& entry, const std::string& path) {
  // A size of zero must not hide an overflow: strides are products of the other sizes.
  std::vector<std::int64_t> sizes = entry.shape;
  std::replace(sizes.begin(), sizes.end(), std::int64_t{0}, std::int64_t{1});
  const std::int64_t bits = kFormatDTypes[safetensors_dtype_order(entry.dtype)].bits;
  sizes.push_back(bits);
  if (checked_numel(sizes) < 0) {
    refuse(path, "the shape ", shape_text(entry.shape), " of tensor ", quoted_name(entry.name),
           " overflows 63 bits");
  }
  const std::int64_t all_bits = checked_numel(entry.shape) * bits;
  if (all_bits % 8 != 0) {
    refuse(path, "tensor ", quoted_name(entry.name), " of dtype ", entry.dtype, " and shape ",
           shape_text(entry.shape), " does not fill whole bytes");
  }
  return all_bits / 8;
}

void check_size(const SafetensorsEntry& entry, const std::string& path) {
  if (entry.end < entry.begin) {
    refuse(path, "tensor ", quoted_name(entry.name), " ends before it begins: data_offsets [", entry.begin,
           ", ", entry.end, "]");
  }
  const std::int64_t bytes = bytes_of(entry, path);
  if (entry.end - entry.begin != bytes) {
    refuse(path, "tensor ", quoted_name(entry.name), " of dtype ", entry.dtype, " and shape ",
           shape_text(entry.shape), " needs ", bytes, " bytes, its data_offsets [", entry.begin, ", ",
           entry.end, "] hold ", entry.end - entry.begin);
  }
}

// Sorts the entries by their bytes, which must cover the data exactly.
void check_coverage(std::vector<SafetensorsEntry>& entries, std::int64_t data_bytes,
                    const std::string& path) {
  std::sort(entries.begin(), entries.end(), [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  std::int64_t covered = 0;
  for (const SafetensorsEntry& entry : entries) {
    if (entry.begin != covered) {
      refuse(path, "tensor ", quoted_name(entry.name),
             entry.begin < covered ? " overlaps" : " leaves a hole after",
             " the tensor before it: it begins at byte ", entry.begin, " and not at ", covered);
    }
    covered = entry.end;
  }
  if (covered > data_bytes)
    refuse(path, "it is cut off: ", covered - data_bytes, " bytes of data are missing");
  if (covered < data_bytes)
    refuse(path, data_bytes - covered, " bytes after the last tensor belong to nothing");
}

}  // namespace

int safetensors_dtype_order(std::string_view dtype) {
  const auto* found = std::find_if(std::begin(kFormatDTypes), std::end(kFormatDTypes),
                                   [dtype](const FormatDType& d) { return d.name == dtype; });
  return found == std::end(kFormatDTypes) ? -1 : static_cast<int>(found - std::begin(kFormatDTypes));
}

std::string quoted_name(const std::string& name) {
  constexpr std::size_t kLongest = 80;
  constexpr auto kReplaceBadUtf8 = Json::error_handler_t::replace;
  const char* rest = name.size() > kLongest ? "..." : "";
  return Json(name.substr(0, kLongest)).dump(-1, ' ', false, kReplaceBadUtf8) + rest;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (const std::int64_t size : shape) text += concat(text.size() > 1 ? ", " : "", size);
  return text + "]";
}

SafetensorsHeader parse_safetensors_header(std::string_view json, std::int64_t data_bytes,
                                           const std::string& path) {
  if (json.empty() || json[0] != '{') refuse(path, "its header does not begin with '{'");
  // nlohmann's parser ends at a NUL byte: what follows would not be read.
  if (json.find('\0') != std::string_view::npos) refuse(path, "its header has a NUL byte");

  SafetensorsHeader header;
  HeaderReader reader(header, path);
  Json::sax_parse(json.begin(), json.end(), &reader);
  for (const SafetensorsEntry& entry : header.entries) check_size(entry, path);
  check_coverage(header.entries, data_bytes, path);
  return header;
}

std::string write_safetensors_header(const SafetensorsHeader& header, const std::string& path) {
  const auto text = [&path](const std::string& s) {
    try {
      return Json(s).dump();
    } catch (const Json::type_error&) {
      fail("a name or a metadata text is not UTF-8: ", quoted_name(s), " (", path, "); rename it");
    }
  };
  std::string json = "{";
  const auto begin_item = [&json](const std::string& key) {
    if (json.back() != '{') json += ',';
    json += key + ':';
  };

  if (!header.metadata.empty()) {
    begin_item(text(kMetadataKey));
    json += '{';
    for (const auto& [key, value] : header.metadata) {
      begin_item(text(key));
      json += text(value);
    }
    json += '}';
  }
  std::unordered_set<std::string> names{kMetadataKey};
  for (const SafetensorsEntry& entry : header.entries) {
    if (!names.insert(entry.name).second) {
      fail("cannot save two tensors named ", quoted_name(entry.name), " (", path, "); rename one (",
           kMetadataKey, " is reserved)");
    }
    begin_item(text(entry.name));
    json += concat("{\"dtype\":\"", entry.dtype, "\",\"shape\":[");
    for (std::size_t d = 0; d < entry.shape.size(); ++d) json += concat(d ? "," : "", entry.shape[d]);
    json += concat("],\"data_offsets\":[", entry.begin, ',', entry.end, "]}");
  }
  json += '}';
  json.resize((json.size() + 7) / 8 * 8, ' ');
  return json;
}

}  // namespace thaw
