#include "finetune/data/picture/libjpeg.h"

#include "core/error.h"

#if THAW_HAS_JPEG

#include <cstdio>  // jpeglib.h wants it before itself

#include <jerror.h>
#include <jpeglib.h>

#include <utility>

#include "finetune/data/picture/exif.h"
#include "finetune/data/picture/guarded.h"

namespace thaw {
namespace {

constexpr std::string_view kEndOfImage = "\xFF\xD9";
constexpr int kMostScans = 500;  // of a progressive file: each costs a pass over the picture

class JpegReader {
 public:
  JpegReader(std::string_view bytes, const std::string& path) : bytes_(bytes), path_(path) {
    jpeg_.err = jpeg_std_error(&errors_);
    errors_.error_exit = &on_error;
    errors_.emit_message = &on_warning;
    errors_.output_message = [](j_common_ptr) {};
    jpeg_.client_data = this;
    run([this] { jpeg_create_decompress(&jpeg_); });
    progress_.progress_monitor = &on_progress;
    jpeg_.progress = &progress_;
  }
  ~JpegReader() { jpeg_destroy_decompress(&jpeg_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  PictureInfo read_info() {
    run([this] {
      jpeg_mem_src(&jpeg_, reinterpret_cast<const unsigned char*>(bytes_.data()), bytes_.size());
      jpeg_save_markers(&jpeg_, JPEG_APP0 + 1, 0xFFFF);
      jpeg_read_header(&jpeg_, TRUE);
    });
    if (jpeg_.jpeg_color_space == JCS_CMYK || jpeg_.jpeg_color_space == JCS_YCCK)
      fail_input("a JPEG in CMYK (", path_, "), whose colours hang on a profile; convert it to RGB");
    if (jpeg_.num_components != 1 && jpeg_.num_components != 3)
      fail_input("a JPEG of ", jpeg_.num_components, " components (", path_, "); grey and colour are read");
    PictureInfo info;
    info.width = jpeg_.image_width;
    info.height = jpeg_.image_height;
    check_picture_size(info.width, info.height, path_);
    check_end();
    info.is_grey = jpeg_.num_components == 1;
    for (auto* marker = jpeg_.marker_list; marker != nullptr; marker = marker->next) {
      info.orientation =
          exif_orientation_of_app1({reinterpret_cast<const char*>(marker->data), marker->data_length});
      if (info.orientation != 1) break;
    }
    if (swaps_sides(info.orientation)) std::swap(info.width, info.height);
    return info;
  }

  Picture decode() {
    const PictureInfo info = read_info();
    Picture picture = black_picture(jpeg_.image_width, jpeg_.image_height, info.is_grey ? 1 : 3);
    run([&] {
      jpeg_.out_color_space = info.is_grey ? JCS_GRAYSCALE : JCS_RGB;
      jpeg_start_decompress(&jpeg_);
      while (jpeg_.output_scanline < jpeg_.output_height) {
        JSAMPROW row = picture.row(jpeg_.output_scanline);
        jpeg_read_scanlines(&jpeg_, &row, 1);
      }
      jpeg_finish_decompress(&jpeg_);
    });
    return turned(std::move(picture), info.orientation);
  }

 private:
  template <class Work>
  void run(const Work& work) {
    if (!runs_through(escape_, work)) refuse();
  }

  [[noreturn]] void refuse() const {
    if (errors_.msg_code == JERR_BAD_PRECISION || errors_.msg_code == JERR_SOF_UNSUPPORTED)
      fail_input("a JPEG of a kind that is not read (", path_, "): ", escape_.message,
                 "; convert it to one of 8 bits");
    fail_input("a damaged JPEG (", path_, "): ", escape_.message, "; get the whole file");
  }

  // Of a file that was cut off the pixels would be missed when they are wanted. A marker in the header may hold a whole
  // JPEG, a thumbnail with an end of its own.
  void check_end() const {
    const std::size_t header = bytes_.size() - jpeg_.src->bytes_in_buffer;
    if (bytes_.find(kEndOfImage, header) == std::string_view::npos)
      fail_input("a damaged JPEG (", path_, "): it ends too early; get the whole file");
  }

  static Escape& escape_of(j_common_ptr jpeg) { return static_cast<JpegReader*>(jpeg->client_data)->escape_; }

  [[noreturn]] static void on_error(j_common_ptr jpeg) {
    char message[JMSG_LENGTH_MAX] = "";
    jpeg->err->format_message(jpeg, message);
    escape_of(jpeg).leave(message);
  }

  // libjpeg goes on after a warning with pixels that it makes up, except after these.
  static void on_warning(j_common_ptr jpeg, int level) {
    if (level >= 0) return;
    const int code = jpeg->err->msg_code;
    if (code != JWRN_EXTRANEOUS_DATA && code != JWRN_ADOBE_XFORM && code != JWRN_JFIF_MAJOR) on_error(jpeg);
  }

  static void on_progress(j_common_ptr jpeg) {
    if (reinterpret_cast<j_decompress_ptr>(jpeg)->input_scan_number > kMostScans)
      escape_of(jpeg).leave("it has more scans than any picture needs");
  }

  std::string_view bytes_;
  const std::string& path_;
  Escape escape_;
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  jpeg_decompress_struct jpeg_{};
};

}  // namespace

PictureInfo read_jpeg_info(std::string_view bytes, const std::string& path) {
  return JpegReader(bytes, path).read_info();
}

Picture decode_jpeg(std::string_view bytes, const std::string& path) {
  return JpegReader(bytes, path).decode();
}

}  // namespace thaw

#else

namespace thaw {
namespace {

[[noreturn]] void refuse_jpeg(const std::string& path) {
  fail_input("JPEG needs a build with libjpeg (", path, "); install libjpeg-dev and build again");
}

}  // namespace

PictureInfo read_jpeg_info(std::string_view, const std::string& path) { refuse_jpeg(path); }
Picture decode_jpeg(std::string_view, const std::string& path) { refuse_jpeg(path); }

}  // namespace thaw

#endif
