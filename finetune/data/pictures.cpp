#include "finetune/data/pictures.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "core/error.h"
#include "core/random.h"
#include "nn/io/sha256.h"

namespace thaw {
namespace {

class FileSource final : public PictureSource {
 public:
  explicit FileSource(std::vector<PictureFile> files) : files_(std::move(files)) {}

  std::int64_t size() const override { return static_cast<std::int64_t>(files_.size()); }
  std::shared_ptr<const PictureSource> subset(const std::vector<std::int64_t>& rows) const override {
    std::vector<PictureFile> taken;
    taken.reserve(rows.size());
    for (const std::int64_t row : rows) taken.push_back(at(row));
    return source_of_files(std::move(taken));
  }
  PictureInfo info(std::int64_t row) const override { return at(row).info; }
  std::string place(std::int64_t row) const override { return at(row).path; }
  const std::string& digest(std::int64_t row) const override { return at(row).digest; }
  Picture read(std::int64_t row) const override {
    const PictureFile& file = at(row);
    const std::string bytes = read_picture_bytes(file.path);
    if (sha256_hex(bytes) != file.digest)
      fail("the picture is not what it was when the run began (", file.path,
           "); leave files alone while they are read");
    return decode_picture(bytes, file.path);
  }
  bool same(std::int64_t row, const PictureSource& other, std::int64_t other_row) const override {
    const auto* files = dynamic_cast<const FileSource*>(&other);
    return files != nullptr && at(row).digest == files->at(other_row).digest;
  }
  std::uint64_t hash(std::int64_t row) const override { return hash_text(at(row).digest); }
  void hash_source(Sha256& hash) const override {
    for (const PictureFile& file : files_) hash.update(file.digest);
  }
  void hash_sample(std::int64_t row, Sha256& hash) const override { hash.update(at(row).digest); }

 private:
  const PictureFile& at(std::int64_t row) const { return files_[static_cast<std::size_t>(row)]; }

  std::vector<PictureFile> files_;
};

class ImageSource final : public PictureSource {
 public:
  explicit ImageSource(std::shared_ptr<const Numbers> images) : images_(std::move(images)) {}

  std::int64_t size() const override { return images_->size(); }
  std::shared_ptr<const PictureSource> subset(const std::vector<std::int64_t>& rows) const override {
    return source_of_images(std::dynamic_pointer_cast<const Numbers>(images_->subset(rows)));
  }
  PictureInfo info(std::int64_t) const override {
    return {.width = images_->shape[2], .height = images_->shape[1], .is_grey = images_->shape[0] == 1};
  }
  std::string place(std::int64_t row) const override { return concat("image ", row + 1); }
  const std::string& digest(std::int64_t) const override { return no_digest_; }
  Picture read(std::int64_t row) const override {
    const std::int64_t channels = images_->shape[0], pixels = images_->sample_size / channels;
    Picture picture = black_picture(images_->shape[2], images_->shape[1], channels);
    const float* from = images_->sample(row);
    for (std::int64_t c = 0; c < channels; ++c)
      for (std::int64_t i = 0; i < pixels; ++i)
        picture.pixels[static_cast<std::size_t>(i * channels + c)] =
            static_cast<std::uint8_t>(std::lround(std::clamp(*from++, 0.0F, 1.0F) * 255));
    return picture;
  }
  bool same(std::int64_t row, const PictureSource& other, std::int64_t other_row) const override {
    const auto* images = dynamic_cast<const ImageSource*>(&other);
    return images != nullptr && images_->same(row, *images->images_, other_row);
  }
  std::uint64_t hash(std::int64_t row) const override { return images_->hash(row); }
  void hash_source(Sha256& hash) const override { images_->hash_source(hash); }
  void hash_sample(std::int64_t row, Sha256& hash) const override { images_->hash_sample(row, hash); }

 private:
  std::shared_ptr<const Numbers> images_;
  std::string no_digest_;
};

std::string hash_of_way(const PictureView& view, const Standardizer* scaling) {
  Sha256 hash;
  hash.update(concat(view.channels, ' ', view.height, ' ', view.width, ' ', static_cast<int>(view.resize),
                     ' ', view.resize_height, ' ', view.resize_width, ' ', static_cast<int>(view.filter), ' ',
                     view.crops, ' '));
  if (scaling != nullptr)
    for (const std::vector<double>* values : {&scaling->mean, &scaling->deviation})
      hash.update(values->data(), values->size() * sizeof(double));
  return hash.hex();
}

}  // namespace

struct KeptPictures {
  std::mutex mutex;
  std::unordered_map<std::string, Picture> pictures;
  std::int64_t bytes = 0;
};

std::shared_ptr<const PictureSource> source_of_files(std::vector<PictureFile> files) {
  return std::make_shared<const FileSource>(std::move(files));
}

std::shared_ptr<const PictureSource> source_of_images(std::shared_ptr<const Numbers> images) {
  assert(images->shape.size() == 3 && (images->shape[0] == 1 || images->shape[0] == 3));
  return std::make_shared<const ImageSource>(std::move(images));
}

Pictures::Pictures(std::shared_ptr<const PictureSource> source) : source_(std::move(source)) {}

Pictures::Pictures(const Pictures& pictures, const PictureView& view, std::shared_ptr<KeptPictures> kept)
    : source_(pictures.source_),
      view_(view),
      shape_(view.sample_shape()),
      kept_(kept != nullptr ? std::move(kept) : std::make_shared<KeptPictures>()),
      way_(hash_of_way(view, nullptr)) {
  for (std::int64_t row = 0; row < size(); ++row) check_seen(source_->info(row), view_, source_->place(row));
}

Pictures::Pictures(const Pictures& pictures, const Standardizer& scaling) : Pictures(pictures) {
  scaling_ = std::make_shared<const Standardizer>(scaling.of_shape(shape_));
  way_ = hash_of_way(view_, scaling_.get());
}

Pictures::Pictures(const Pictures& pictures, std::vector<Augmentation> changes) : Pictures(pictures) {
  changes_ = std::move(changes);
}

Picture Pictures::seen_picture(std::int64_t row) const {
  const std::string& digest = source_->digest(row);
  if (digest.empty()) return seen(source_->read(row), view_);
  {
    const std::lock_guard lock(kept_->mutex);
    if (const auto found = kept_->pictures.find(digest); found != kept_->pictures.end()) return found->second;
  }
  Picture picture = seen(source_->read(row), view_);
  const std::lock_guard lock(kept_->mutex);
  const auto bytes = static_cast<std::int64_t>(picture.pixels.size());
  if (kept_->bytes + bytes <= kKeptPictures && kept_->pictures.emplace(digest, picture).second)
    kept_->bytes += bytes;
  return picture;
}

// A reader of IDX images divides a byte so, too: the same pixels give the same bits.
void Pictures::write_values(const Picture& picture, float* to) const {
  const std::int64_t pixels = view_.height * view_.width;
  for (std::int64_t c = 0; c < view_.channels; ++c)
    for (std::int64_t i = 0; i < pixels; ++i)
      *to++ = static_cast<float>(picture.pixels[static_cast<std::size_t>(i * view_.channels + c)]) / 255.0F;
  to -= view_.channels * pixels;
  if (scaling_ != nullptr) scaling_->apply(to);
}

std::vector<float> Pictures::values(std::int64_t row) const {
  std::vector<float> values(static_cast<std::size_t>(view_.channels * view_.height * view_.width));
  write_values(seen_picture(row), values.data());
  return values;
}

std::shared_ptr<const Inputs> Pictures::subset(const std::vector<std::int64_t>& rows) const {
  auto part = std::make_shared<Pictures>(*this);
  part->source_ = source_->subset(rows);
  return part;
}

ModelInput Pictures::batch(const std::vector<std::int64_t>& rows) const {
  Tensor x = empty({static_cast<std::int64_t>(rows.size()), view_.channels, view_.height, view_.width});
  float* to = x.data<float>();
  for (const std::int64_t row : rows) {
    write_values(seen_picture(row), to);
    to += view_.channels * view_.height * view_.width;
  }
  return x;
}

ModelInput Pictures::training_batch(const std::vector<std::int64_t>& rows) const {
  if (changes_.empty()) return batch(rows);
  const RandomContext& context = random_context();
  const RandomKey key = random_key(context.seed, "data.augment", context.step);
  assert(context.row_ids.defined() && context.row_ids.numel() == static_cast<std::int64_t>(rows.size()));
  const std::int64_t* id = std::as_const(context.row_ids).data<std::int64_t>();
  Tensor x = empty({static_cast<std::int64_t>(rows.size()), view_.channels, view_.height, view_.width});
  float* to = x.data<float>();
  for (const std::int64_t row : rows) {
    write_values(augmented(seen_picture(row), changes_, key, *id++), to);
    to += view_.channels * view_.height * view_.width;
  }
  return x;
}

ModelInput Pictures::meta_batch(const BatchShape& batch) const {
  return empty({batch.samples, view_.channels, view_.height, view_.width}, {DType::f32, kMeta});
}

std::int64_t Pictures::evaluation_batch_size() const {
  constexpr std::int64_t kValues = std::int64_t{1} << 22;
  return std::clamp<std::int64_t>(kValues / (view_.channels * view_.height * view_.width), 8, 256);
}

bool Pictures::same(std::int64_t row, const Inputs& other, std::int64_t other_row) const {
  const auto* pictures = dynamic_cast<const Pictures*>(&other);
  return pictures != nullptr && source_->same(row, *pictures->source_, other_row);
}

void Pictures::hash_sample(std::int64_t row, Sha256& hash) const {
  hash.update(way_);
  source_->hash_sample(row, hash);
}

const Pictures* find_pictures(const Dataset& data) {
  return dynamic_cast<const Pictures*>(data.inputs.get());
}

}  // namespace thaw
