// Data of pictures as a model sees them.
#pragma once

#include <memory>
#include <string>

#include "finetune/data/dataset.h"
#include "finetune/data/pictures.h"

namespace thaw {

// Gives the data, which have pictures or nothing, a copy of their inputs as the model sees them. `kept`: of all data that
// are seen so. InputError for a picture that the view cannot make fit.
void show(const PictureView& view, std::shared_ptr<KeptPictures>& kept, Dataset& data);
// The same for images in memory [C, H, W] of another size or other channels than the model's.
void show_images(const PictureView& view, std::shared_ptr<KeptPictures>& kept, Dataset& data);

// "pictures are resized to 64 x 64 (bilinear), in colour; they have 32 x 32 to 500 x 400 pixels".
std::string describe_pictures(const Pictures& pictures);

}  // namespace thaw
