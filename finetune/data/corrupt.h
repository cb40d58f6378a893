// Images made worse on purpose, for studies of a shift of the input.
#pragma once

#include <string>
#include <vector>

#include "finetune/data/dataset.h"

namespace thaw {

enum class Corruption {
  none,
  blur,    // a Gaussian of standard deviation kBlurDeviation pixels, edge pixels repeated beyond the edge
  noise,   // Gaussian, of standard deviation kNoiseDeviation, then clipped to 0..1: a function of the file's
           // name, the sample's id and the pixel, so that a sample has the same noise in every run
  invert,  // 1 - x
};
const std::vector<std::string>& names_of(Corruption);  // in the order of the values; none is ""

// Changes the images {C, H, W}; pixels are 0 to 1, as every reader of images gives them. InputError for samples that
// are no images, naming `source`, the file that they were read from.
void corrupt_images(Dataset& data, Corruption kind, const std::string& source);

// How strong: so that people still recognise the garments of Fashion-MNIST, while networks pretrained on
// clean ones fall to 40 to 80 % (finetune/cases/README.md).
inline constexpr double kBlurDeviation = 1.5;
inline constexpr double kNoiseDeviation = 0.2;

}  // namespace thaw
