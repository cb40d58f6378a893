#include "finetune/data/cells.h"

#include <bit>
#include <cassert>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "core/random.h"
#include "nn/io/sha256.h"

namespace thaw {
namespace {

const std::string& word(const Cells::Column& column, float value) {
  return column.words[static_cast<std::size_t>(value)];
}

// Of a cell that holds something: the same for the same word, whatever its place among the others.
std::uint64_t content(const Cells::Column& column, float value) {
  if (column.kind == ColumnKind::category) return hash_text(word(column, value));
  return std::bit_cast<std::uint32_t>(value + 0.0F);  // -0 equals 0 and has other bits: adding 0 makes it 0
}

}  // namespace

const std::vector<std::string>& names_of(ColumnKind) {
  static const std::vector<std::string> names = {"number", "boolean", "category"};
  return names;
}

Cells::Cells(std::vector<Column> all_columns, std::vector<float> all_values)
    : shape{static_cast<std::int64_t>(all_columns.size())},
      columns(std::move(all_columns)),
      values(std::move(all_values)) {
  assert(!columns.empty() && values.size() % columns.size() == 0);
}

std::shared_ptr<const Inputs> Cells::subset(const std::vector<std::int64_t>& rows) const {
  std::vector<float> taken;
  taken.reserve(rows.size() * columns.size());
  for (const std::int64_t r : rows) taken.insert(taken.end(), row(r), row(r) + shape[0]);
  return std::make_shared<const Cells>(columns, std::move(taken));
}

ModelInput Cells::batch(const std::vector<std::int64_t>&) const {
  fail("[cells] the rows of a table are no numbers yet; encode its columns first");
}

ModelInput Cells::meta_batch(const BatchShape&) const {
  fail("[cells] the rows of a table are no numbers yet; encode its columns first");
}

bool Cells::same(std::int64_t a, const Inputs& other, std::int64_t b) const {
  const auto* cells = dynamic_cast<const Cells*>(&other);
  if (cells == nullptr || cells->columns.size() != columns.size()) return false;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const Column &mine = columns[c], &theirs = cells->columns[c];
    const float x = row(a)[c], y = cells->row(b)[c];
    if (mine.kind != theirs.kind || std::isnan(x) != std::isnan(y)) return false;
    if (std::isnan(x)) continue;
    if (mine.kind == ColumnKind::category ? word(mine, x) != word(theirs, y) : x != y) return false;
  }
  return true;
}

std::uint64_t Cells::hash(std::int64_t r) const {
  auto hash = static_cast<std::uint64_t>(shape[0]);
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const float value = row(r)[c];
    hash = mix64(hash ^ (std::isnan(value) ? 0 : content(columns[c], value)));
  }
  return hash;
}

void Cells::hash_source(Sha256& hash) const {
  for (std::int64_t r = 0; r < size(); ++r) hash_sample(r, hash);
}

void Cells::hash_sample(std::int64_t r, Sha256& hash) const {
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const float value = row(r)[c];
    if (!std::isnan(value) && columns[c].kind == ColumnKind::category) {
      const std::string& text = word(columns[c], value);
      hash.update(text.c_str(), text.size() + 1);
    } else {
      hash.update(&value, sizeof value);
    }
  }
}

const Cells* find_cells(const Dataset& data) { return dynamic_cast<const Cells*>(data.inputs.get()); }

const Cells& cells_of(const Dataset& data) { return dynamic_cast<const Cells&>(*data.inputs); }

}  // namespace thaw
