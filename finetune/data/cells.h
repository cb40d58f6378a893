// Rows of a table that are not numbers yet: some columns hold words, some cells nothing. No model takes them:
// preprocess/column_encoding.h makes Numbers of them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "finetune/data/dataset.h"
#include "finetune/data/inputs.h"

namespace thaw {

// What a column holds: numbers; true and false; words, each one of several categories.
enum class ColumnKind { number, boolean, category };
// "number", "boolean", "category".
const std::vector<std::string>& names_of(ColumnKind);

struct Cells final : Inputs {
  struct Column {
    ColumnKind kind = ColumnKind::number;
    std::vector<std::string> words = {};  // of a category column: all that stand in the file
  };

  // `all_values` [N, columns], row-major: a number, 1 for true and 0 for false, a word's place among its column's words,
  // or NaN where there is nothing.
  Cells(std::vector<Column> columns, std::vector<float> all_values);

  const std::vector<std::int64_t> shape;  // {columns}
  std::vector<Column> columns;
  std::vector<float> values;

  const float* row(std::int64_t row) const { return values.data() + row * shape[0]; }

  std::int64_t size() const override { return static_cast<std::int64_t>(values.size()) / shape[0]; }
  const std::vector<std::int64_t>& sample_shape() const override { return shape; }
  std::shared_ptr<const Inputs> subset(const std::vector<std::int64_t>& rows) const override;
  ModelInput batch(const std::vector<std::int64_t>& rows) const override;  // throws: see above
  ModelInput meta_batch(const BatchShape& shape) const override;           // the same
  std::int64_t length(std::int64_t) const override { return 1; }
  std::int64_t evaluation_batch_size() const override { return 256; }
  bool same(std::int64_t row, const Inputs& other, std::int64_t other_row) const override;
  std::uint64_t hash(std::int64_t row) const override;
  void hash_source(Sha256& hash) const override;
  void hash_sample(std::int64_t row, Sha256& hash) const override;
};

// What the data have; null where they are no cells.
const Cells* find_cells(const Dataset& data);
// Of data that are cells.
const Cells& cells_of(const Dataset& data);

}  // namespace thaw
