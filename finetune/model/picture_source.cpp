#include "finetune/model/picture_source.h"

#include <algorithm>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/data/pictures.h"
#include "finetune/data/sound/spec_augment.h"

namespace thaw {
namespace {

constexpr const char* kImageColumn = "image";

bool is_image(const std::vector<std::int64_t>& shape) {
  return shape.size() == 3 && (shape[0] == 1 || shape[0] == 3);
}

// Of what came with weights, or of nothing: how pictures of this shape are seen.
PictureView view_of(const std::optional<PictureView>& of_run, const std::optional<ImageInput>& images,
                    const std::vector<std::int64_t>& shape) {
  if (!of_run && images && !images->view_problem.empty()) fail_input(images->view_problem);
  PictureView view = of_run                   ? *of_run
                     : images && images->view ? *images->view
                                              : stretched_to(shape[0], shape[1], shape[2]);
  view.channels = shape[0];
  return view_of_size(view, shape[1], shape[2]);
}

// The shape of the model's samples, with the size that the config asks for.
std::vector<std::int64_t> shape_for(const Config& config, const ModelFolder& folder) {
  std::vector<std::int64_t> shape = folder.config.sample_shape;
  if (!is_image(shape))
    fail_input("the model in ", folder.root, " takes samples ", Shape(shape), ", which are no pictures (",
               config.path, "); use one that takes [1, H, W] or [3, H, W]");
  const std::int64_t size = config.model.image_size;
  if (size == 0) return shape;
  shape[1] = shape[2] = size;
  if (!takes_shape(folder.config, shape))
    fail_input("model.image_size = ", size, ", and the weights in ", folder.root, " are for pictures of ",
               folder.config.sample_shape[1], " x ", folder.config.sample_shape[2], " alone (", config.path,
               "); leave it out");
  return shape;
}

// Of an architecture without a folder.
std::vector<std::int64_t> shape_for(const Config& config, const Dataset& train) {
  const Pictures* pictures = find_pictures(train);
  if (pictures == nullptr) {
    std::vector<std::int64_t> shape = train.sample_shape();
    if (config.model.image_size > 0) shape[1] = shape[2] = config.model.image_size;
    return shape;
  }
  const PictureInfo first = pictures->source().info(0);
  bool all_grey = true;
  for (std::int64_t row = 0; row < pictures->size(); ++row) {
    const PictureInfo info = pictures->source().info(row);
    all_grey &= info.is_grey;
    if (config.model.image_size == 0 && (info.width != first.width || info.height != first.height))
      fail_input("the pictures have several sizes, ", first.width, " x ", first.height, " and ", info.width,
                 " x ", info.height, " (", config.data.train, ", ", pictures->source().place(row),
                 "); set model.image_size = 64, say, to which they are resized");
  }
  const std::int64_t size = config.model.image_size;
  return {all_grey ? 1 : 3, size > 0 ? size : first.height, size > 0 ? size : first.width};
}

}  // namespace

std::optional<std::string> picture_column(const ModelFolder& folder) {
  if (!is_image(folder.config.sample_shape)) return std::nullopt;
  const std::string& column = folder.preprocess.image_column;
  return column.empty() ? kImageColumn : column;
}

namespace {

bool hears(const ModelSource& source) {
  return source.folder != nullptr && takes_sound(source.folder->config);
}

}  // namespace

std::optional<std::string> picture_column(const Config& config, const ModelSource& source) {
  const std::string& column = config.data.image;
  std::optional<std::string> own;
  if (source.folder != nullptr)
    own = picture_column(*source.folder);
  else
    own = config.model.from == "mlp" ? "" : kImageColumn;
  if (own) return column.empty() ? own : column;
  const char* key = !column.empty()                                  ? "data.image"
                    : config.model.image_size > 0                    ? "model.image_size"
                    : !config.data.augment.empty() && !hears(source) ? "data.augment"
                                                                     : nullptr;
  if (key != nullptr)
    fail_input(key, " is for models that take pictures, and ", config.model.from, " takes none (",
               config.path, "); leave it out, or set model.from to another model");
  return std::nullopt;
}

PictureView picture_view(const ModelFolder& folder) {
  if (!is_image(folder.config.sample_shape))
    fail_input("the data are pictures, and the model takes samples ", Shape(folder.config.sample_shape), " (",
               folder.root, "); give a model of pictures");
  return view_of(folder.preprocess.view, folder.images, folder.config.sample_shape);
}

PictureView picture_view(const Config& config, const ModelSource& source, const Dataset& train) {
  const std::vector<std::int64_t> shape =
      source.folder != nullptr ? shape_for(config, *source.folder) : shape_for(config, train);
  const std::optional<Origin> origin = source.origin();
  return origin ? view_of(origin->preprocess.view, origin->images, shape) : view_of({}, {}, shape);
}

std::vector<Augmentation> augmentations(const Config& config) {
  const std::vector<std::string>& names = names_of(Augmentation{});
  std::vector<Augmentation> changes;
  for (const std::string& name : config.data.augment) {
    if (name == kSpecAugment)
      fail_input("data.augment = ", in_quotes(name), " is for sound, and the samples are pictures (",
                 config.path, "); choose of ", joined(names));
    changes.push_back(static_cast<Augmentation>(std::find(names.begin(), names.end(), name) - names.begin()));
  }
  return changes;
}

}  // namespace thaw
