// JPEG through libjpeg (libjpeg-turbo), which only libjpeg.cpp sees. A build without it refuses every file.
#pragma once

#include <string>
#include <string_view>

#include "finetune/data/picture/picture_file.h"

namespace thaw {

PictureInfo read_jpeg_info(std::string_view bytes, const std::string& path);
Picture decode_jpeg(std::string_view bytes, const std::string& path);

}  // namespace thaw
