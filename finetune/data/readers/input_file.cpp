#include "finetune/data/readers/input_file.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/common/utf8.h"
#include "finetune/data/readers/gzip.h"

namespace thaw {
namespace {

class PlainFile : public InputFile {
 public:
  PlainFile(const std::string& path, uint64_t size) : InputFile(path, size), file_(open(path)) {}
  ~PlainFile() override { std::fclose(file_); }
  PlainFile(const PlainFile&) = delete;
  PlainFile& operator=(const PlainFile&) = delete;

  size_t read(void* to, size_t size) override {
    const size_t got = std::fread(to, 1, size, file_);
    if (got < size && std::ferror(file_)) fail("cannot read (", path(), "): ", std::strerror(errno));
    return got;
  }

 private:
  static std::FILE* open(const std::string& path) {
    std::FILE* file = std::fopen(path.c_str(), "rb");
    if (!file) fail_input("cannot open (", path, "): ", std::strerror(errno), "; check its permissions");
    return file;
  }

  std::FILE* file_;
};

uint64_t regular_file_size(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status))
    fail_input("no such file (", path,
               "); check the path: those in a config, or given by --set, are relative to it");
  if (!std::filesystem::is_regular_file(status)) fail_input("not a regular file (", path, "); give a file");
  const uint64_t size = std::filesystem::file_size(path, error);
  if (error) fail_input("cannot read (", path, "): ", error.message(), "; check its permissions");
  return size;
}

constexpr std::string_view kGzip = "\x1f\x8b";  // begins every gzip file (RFC 1952)

bool is_gzip(InputFile& file) {
  char magic[2];
  return std::string_view(magic, file.read(magic, sizeof magic)) == kGzip;
}

constexpr size_t kBlock = size_t{1} << 20;

// All that read(to, size) gives, which is less than `size` only at the end. `expected` bytes take no memory twice.
template <class Read>
std::string read_blocks(const Read& read, const std::string& path, uint64_t expected = 0) {
  check_memory(expected, path);
  std::string text;
  text.reserve(expected + kBlock);
  for (;;) {
    const size_t before = text.size();
    // A string that grows has twice its room, and stands beside the old one for a moment.
    if (before + kBlock > text.capacity()) check_memory(3 * uint64_t{text.capacity()}, path);
    text.resize(before + kBlock);
    const size_t got = read(text.data() + before, kBlock);
    text.resize(before + got);
    if (got < kBlock) return text;
  }
}

// The bound of a gzip file is a thousand times what there mostly is.
std::string read_whole(InputFile& file) {
  constexpr uint64_t kExpected = uint64_t{1} << 28;
  const bool is_plain = dynamic_cast<PlainFile*>(&file) != nullptr;
  return read_blocks([&](char* to, size_t size) { return file.read(to, size); }, file.path(),
                     is_plain ? file.size_bound() : std::min(file.size_bound(), kExpected));
}

std::string read_standard_input() {
  std::string text =
      read_blocks([](char* to, size_t size) { return std::fread(to, 1, size, stdin); }, "standard input");
  if (text.starts_with(kGzip))
    fail_input("gzip data on standard input (-), of which text is read as it is; give the file's path, or ",
               "decompress it with gunzip -c FILE | thaw ..");
  return text;
}

// Where the first byte stands that text cannot have.
std::optional<size_t> first_bad_byte(const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    const size_t size = text[at] == '\0' ? 0 : utf8_sequence(std::string_view(text).substr(at));
    if (size == 0) return at;
    at += size;
  }
  return std::nullopt;
}

void check_text(const std::string& text, const std::string& path) {
  const auto bad = first_bad_byte(text);
  if (!bad) return;
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF"))
    fail_input("UTF-16 text (", path, ", by its first two bytes); save the file as UTF-8 text, as ",
               "iconv -f UTF-16 -t UTF-8 does");
  const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(*bad), '\n');
  const char* what = text[*bad] == '\0' ? "a NUL byte in a text file" : "text that is not UTF-8";
  fail_input(what, " (", path, ":", line, "); save the file as UTF-8 text");
}

}  // namespace

void InputFile::read_exactly(void* to, size_t size, const char* what) {
  const size_t got = read(to, size);
  if (got < size) {
    fail_input("the file ends inside its ", what, " (", path_, "): ", size, " bytes wanted, ", got,
               " there; get the whole file");
  }
}

std::unique_ptr<InputFile> open_input(const std::string& path) {
  const uint64_t size = regular_file_size(path);
  if (PlainFile probe(path, size); is_gzip(probe)) return open_gzip(path, size);
  return std::make_unique<PlainFile>(path, size);
}

std::string read_text(const std::string& path) {
  std::string text = path == "-" ? read_standard_input() : read_whole(*open_input(path));
  if (text.rfind("\xEF\xBB\xBF", 0) == 0) text.erase(0, 3);
  check_text(text, path);
  return text;
}

void check_memory(uint64_t bytes, const std::string& path) {
  const uint64_t machine = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGE_SIZE);
  if (bytes > machine) {
    fail_input("the data need ", bytes >> 20, " MiB and this machine has ", machine >> 20, " MiB (", path,
               "); give a smaller file");
  }
}

}  // namespace thaw
