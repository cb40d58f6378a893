// What EXIF data say of how a picture is to be seen (Exif 2.32, section 4.6).
#pragma once

#include <string_view>

namespace thaw {

// The orientation, 1 to 8, of EXIF data: a TIFF header and its first directory, as a PNG's eXIf chunk has them. 1 where they
// say none, and for whatever is no such data.
int exif_orientation(std::string_view exif);
// The same of the content of a JPEG's APP1 marker, in which "Exif" stands before them.
int exif_orientation_of_app1(std::string_view app1);

}  // namespace thaw
