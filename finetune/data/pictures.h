// Samples that are pictures, made when a batch asks for them: files, or images in memory that a model wants otherwise; and
// how a model sees them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "finetune/data/dataset.h"
#include "finetune/data/inputs.h"
#include "finetune/data/numbers.h"
#include "finetune/data/picture/augment.h"
#include "finetune/data/picture/picture_view.h"
#include "finetune/data/standardize.h"

namespace thaw {

struct PictureFile {
  std::string path;
  PictureInfo info;
  std::string digest = {};  // SHA-256 of the file
};

// Where pictures come from.
class PictureSource {
 public:
  virtual ~PictureSource() = default;
  virtual std::int64_t size() const = 0;
  virtual std::shared_ptr<const PictureSource> subset(const std::vector<std::int64_t>& rows) const = 0;
  virtual PictureInfo info(std::int64_t row) const = 0;
  virtual std::string place(std::int64_t row) const = 0;  // for messages
  // Error where it cannot be read, or is not what it was when the data set was made.
  virtual Picture read(std::int64_t row) const = 0;
  // By which one is known in memory when it has been seen; empty: reading it again is as quick.
  virtual const std::string& digest(std::int64_t row) const = 0;

  // As in Inputs.
  virtual bool same(std::int64_t row, const PictureSource& other, std::int64_t other_row) const = 0;
  virtual std::uint64_t hash(std::int64_t row) const = 0;
  virtual void hash_source(Sha256& hash) const = 0;
  virtual void hash_sample(std::int64_t row, Sha256& hash) const = 0;
};

std::shared_ptr<const PictureSource> source_of_files(std::vector<PictureFile> files);
// Of images [C, H, W] with C 1 or 3 and values 0 to 1, taken to 8 bits.
std::shared_ptr<const PictureSource> source_of_images(std::shared_ptr<const Numbers> images);

// Pictures as a model sees them, before they are scaled, by the digests of their files.
struct KeptPictures;

// Batches [B, C, H, W] of values 0 to 1, scaled by the standardizer. What a model sees of a file is kept in memory, 8 bits a
// value, as far as kKeptPictures goes, all parts of the data together; beyond it a file is decoded each time.
class Pictures final : public Inputs {
 public:
  static constexpr std::int64_t kKeptPictures = std::int64_t{1} << 28;  // bytes

  explicit Pictures(std::shared_ptr<const PictureSource> source);
  // The same pictures, seen so. InputError for one that the view cannot make fit. `kept`: of the same view; null: anew.
  Pictures(const Pictures& pictures, const PictureView& view, std::shared_ptr<KeptPictures> kept = nullptr);
  // The same, scaled so; in training, changed so.
  Pictures(const Pictures& pictures, const Standardizer& scaling);
  Pictures(const Pictures& pictures, std::vector<Augmentation> changes);

  const PictureSource& source() const { return *source_; }
  const PictureView& view() const { return view_; }
  const std::shared_ptr<KeptPictures>& kept() const { return kept_; }
  std::vector<float> values(std::int64_t row) const;  // of a batch

  std::int64_t size() const override { return source_->size(); }
  // {0} before a model sees them.
  const std::vector<std::int64_t>& sample_shape() const override { return shape_; }
  std::shared_ptr<const Inputs> subset(const std::vector<std::int64_t>& rows) const override;
  ModelInput batch(const std::vector<std::int64_t>& rows) const override;
  ModelInput training_batch(const std::vector<std::int64_t>& rows) const override;
  bool draws_in_training() const override { return !changes_.empty(); }
  ModelInput meta_batch(const BatchShape& shape) const override;
  std::int64_t length(std::int64_t) const override { return 1; }
  std::int64_t evaluation_batch_size() const override;
  bool same(std::int64_t row, const Inputs& other, std::int64_t other_row) const override;
  std::uint64_t hash(std::int64_t row) const override { return source_->hash(row); }
  void hash_source(Sha256& hash) const override { source_->hash_source(hash); }
  void hash_sample(std::int64_t row, Sha256& hash) const override;

 private:
  Picture seen_picture(std::int64_t row) const;
  void write_values(const Picture& picture, float* to) const;

  std::shared_ptr<const PictureSource> source_;
  PictureView view_;
  std::vector<std::int64_t> shape_{0};
  std::shared_ptr<KeptPictures> kept_;
  std::shared_ptr<const Standardizer> scaling_;  // null: values stay as they are
  std::vector<Augmentation> changes_;
  std::string way_;  // a hash of view and scaling: all but the source that a sample's values hang on
};

// What the data have; null where they are no pictures.
const Pictures* find_pictures(const Dataset& data);

}  // namespace thaw
