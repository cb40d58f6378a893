// PNG through libpng, which only libpng.cpp sees. A build without it refuses every file.
#pragma once

#include <string>
#include <string_view>

#include "finetune/data/picture/picture_file.h"

namespace thaw {

PictureInfo read_png_info(std::string_view bytes, const std::string& path);
Picture decode_png(std::string_view bytes, const std::string& path);

}  // namespace thaw
