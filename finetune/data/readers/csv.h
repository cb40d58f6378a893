// CSV as RFC 4180 has it, and TSV: what a field in quotes may hold is said at DataSource::quote. A quote
// inside a field that does not begin with one is an ordinary character. Lines end in LF or CR LF. An empty
// line is skipped, unless the table has one column, where it is a missing value.
#pragma once

#include "finetune/data/dataset.h"
#include "finetune/data/readers/readers.h"

namespace thaw {

// `usual_separator`: the one that the file's ending stands for.
Dataset read_csv(const DataSource& source, char usual_separator);

}  // namespace thaw
