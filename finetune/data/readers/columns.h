// Which columns of a table are read, and as what. Nothing is asked of the others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "finetune/data/readers/feature_column.h"
#include "finetune/data/readers/readers.h"

namespace thaw {

struct ColumnRoles {
  static constexpr int64_t kNone = -1;

  // Columns, or kNone.
  int64_t label = kNone, group = kNone, text = kNone, text_pair = kNone, audio = kNone, image = kNone;
  std::vector<int64_t> feature;                  // of each column: its place in the sample, or kNone
  std::vector<std::string> features;             // their names, in the sample's order
  std::vector<FeatureColumn::Reading> readings;  // of each of them
  std::vector<size_t> kept;                      // columns that results name their rows by
  std::vector<size_t> asked_to_keep;             // of these, those that the user named
  std::vector<std::string> notes;                // for the user: what is left out

  bool reads(size_t column) const;
};

// The columns that DataSource::keep asks for, as indices into `names`; InputError for a pattern that none of
// them has.
std::vector<size_t> columns_to_keep(const std::vector<std::string>& patterns,
                                    const std::vector<std::string>& names, const std::string& place);

// `names` are the columns' in file order; those that are not read may be empty or equal. `place` is that of
// the header, for messages. InputError for a column that is missing, ambiguous or of two roles.
ColumnRoles choose_columns(const DataSource& source, const std::vector<std::string>& names,
                           const std::string& place);

}  // namespace thaw
