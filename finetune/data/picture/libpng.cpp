#include "finetune/data/picture/libpng.h"

#include "core/error.h"

#if THAW_HAS_PNG

#include <png.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "finetune/data/picture/exif.h"
#include "finetune/data/picture/guarded.h"

namespace thaw {
namespace {

// deflate makes at most 1032 bytes of one.
constexpr std::uint64_t kMostInflation = 1032;
constexpr std::size_t kSignatureBytes = 8, kChunkBytes = 12;  // a chunk's length, type and checksum

// What stands in chunks that may follow the pixels, where libpng comes last.
struct PngChunks {
  std::string_view exif;
  bool is_whole = false;  // the last chunk is there
};

PngChunks look_at_chunks(std::string_view bytes) {
  PngChunks found;
  bytes.remove_prefix(std::min(bytes.size(), kSignatureBytes));
  while (bytes.size() >= kChunkBytes && !found.is_whole) {
    const std::size_t length = png_get_uint_32(reinterpret_cast<png_const_bytep>(bytes.data()));
    if (length > bytes.size() - kChunkBytes) break;
    const std::string_view type = bytes.substr(4, 4);
    if (type == "eXIf") found.exif = bytes.substr(8, length);
    found.is_whole = type == "IEND";
    bytes.remove_prefix(length + kChunkBytes);
  }
  return found;
}

class PngReader {
 public:
  PngReader(std::string_view bytes, const std::string& path)
      : rest_(bytes), size_(bytes.size()), chunks_(look_at_chunks(bytes)), path_(path) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &escape_, &on_error,
                                  [](png_structp, png_const_charp) {});
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
    if (info_ == nullptr) fail("[png] no memory for a reader (", path_, ")");
  }
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  PictureInfo read_info() {
    run([this] {
      png_set_read_fn(png_, this, &read_bytes);
      png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);  // check_picture_size() has its own
      png_set_chunk_malloc_max(png_, 1 << 24);
      png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, 0);
      png_read_info(png_, info_);
    });
    PictureInfo picture;
    picture.width = png_get_image_width(png_, info_);
    picture.height = png_get_image_height(png_, info_);
    picture.orientation = exif_orientation(chunks_.exif);
    check_picture_size(picture.width, picture.height, path_);
    const int color = png_get_color_type(png_, info_);
    picture.is_grey = (color & PNG_COLOR_MASK_COLOR) == 0;
    picture.has_16_bits = png_get_bit_depth(png_, info_) == 16;
    picture.has_alpha = (color & PNG_COLOR_MASK_ALPHA) != 0 || png_get_valid(png_, info_, PNG_INFO_tRNS) != 0;
    const std::uint64_t raw =
        std::uint64_t{png_get_rowbytes(png_, info_)} * png_get_image_height(png_, info_);
    if (raw / kMostInflation > size_)
      fail_input("the header claims more pixels than the file can hold (", path_, "); get the whole file");
    if (!chunks_.is_whole) fail_input("a damaged PNG (", path_, "): it ends too early; get the whole file");
    if (swaps_sides(picture.orientation)) std::swap(picture.width, picture.height);
    return picture;
  }

  Picture decode() {
    const PictureInfo info = read_info();
    Picture picture = black_picture(png_get_image_width(png_, info_), png_get_image_height(png_, info_),
                                    info.is_grey ? 1 : 3);
    std::vector<png_bytep> rows;
    for (std::int64_t y = 0; y < picture.height; ++y) rows.push_back(picture.row(y));
    run([&] {
      png_set_expand(png_);
      png_set_strip_16(png_);
      png_set_strip_alpha(png_);
      png_set_interlace_handling(png_);
      png_read_update_info(png_, info_);
      if (png_get_rowbytes(png_, info_) != static_cast<std::size_t>(picture.width * picture.channels))
        png_error(png_, "rows of another size");
      png_read_image(png_, rows.data());
      png_read_end(png_, nullptr);
    });
    return turned(std::move(picture), info.orientation);
  }

 private:
  template <class Work>
  void run(const Work& work) {
    if (!runs_through(escape_, work))
      fail_input("a damaged PNG (", path_, "): ", escape_.message, "; get the whole file");
  }

  [[noreturn]] static void on_error(png_structp png, png_const_charp message) {
    static_cast<Escape*>(png_get_error_ptr(png))->leave(message);
  }

  static void read_bytes(png_structp png, png_bytep to, std::size_t size) {
    std::string_view& rest = static_cast<PngReader*>(png_get_io_ptr(png))->rest_;
    if (size > rest.size()) png_error(png, "it ends too early");
    std::memcpy(to, rest.data(), size);
    rest.remove_prefix(size);
  }

  std::string_view rest_;
  std::size_t size_;
  PngChunks chunks_;
  const std::string& path_;
  Escape escape_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

}  // namespace

PictureInfo read_png_info(std::string_view bytes, const std::string& path) {
  return PngReader(bytes, path).read_info();
}

Picture decode_png(std::string_view bytes, const std::string& path) {
  return PngReader(bytes, path).decode();
}

}  // namespace thaw

#else

namespace thaw {
namespace {

[[noreturn]] void refuse_png(const std::string& path) {
  fail_input("PNG needs a build with libpng (", path, "); install libpng-dev and build again");
}

}  // namespace

PictureInfo read_png_info(std::string_view, const std::string& path) { refuse_png(path); }
Picture decode_png(std::string_view, const std::string& path) { refuse_png(path); }

}  // namespace thaw

#endif
