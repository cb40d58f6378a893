// What EXIF data say of how a picture is to be seen (Exif 2.32, section 4.6).
#pragma once

#include <string_view>

namespace thaw {

// The orientation, 1 to 8, of the content of a JPEG's APP1 marker: "Exif", then a TIFF header and its first directory. 1
// where it says none, and for whatever is no such data.
int exif_orientation(std::string_view app1);

}  // namespace thaw
