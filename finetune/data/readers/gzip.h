// Decompression of gzip files, as an InputFile.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "finetune/data/readers/input_file.h"

namespace thaw {

// Of a file that begins as gzip data do. A build without zlib (THAW_HAS_ZLIB) refuses it with a message that
// says so.
std::unique_ptr<InputFile> open_gzip(const std::string& path, uint64_t compressed_size);

}  // namespace thaw
