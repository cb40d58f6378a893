#include "finetune/preprocess/picture_input.h"

#include <utility>

#include "core/error.h"

namespace thaw {

void show(const PictureView& view, std::shared_ptr<KeptPictures>& kept, Dataset& data) {
  const Pictures* pictures = find_pictures(data);
  if (pictures == nullptr) return;
  auto seen_so = std::make_shared<const Pictures>(*pictures, view, kept);
  kept = seen_so->kept();
  data.inputs = std::move(seen_so);
}

void show_images(const PictureView& view, std::shared_ptr<KeptPictures>& kept, Dataset& data) {
  if (data.size() == 0) return;
  data.inputs = std::make_shared<const Pictures>(
      source_of_images(std::dynamic_pointer_cast<const Numbers>(data.inputs)));
  show(view, kept, data);
}

std::string describe_pictures(const Pictures& pictures) {
  PictureInfo least, most;
  for (std::int64_t row = 0; row < pictures.size(); ++row) {
    const PictureInfo info = pictures.source().info(row);
    const std::int64_t pixels = info.width * info.height;
    if (row == 0 || pixels < least.width * least.height) least = info;
    if (row == 0 || pixels > most.width * most.height) most = info;
  }
  const bool one_size = least.width == most.width && least.height == most.height;
  return concat("pictures are ", describe_view(pictures.view()), "; they have ", least.width, " x ",
                least.height, one_size ? "" : concat(" to ", most.width, " x ", most.height), " pixels");
}

}  // namespace thaw
