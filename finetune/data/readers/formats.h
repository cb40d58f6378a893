// One function per data format. Private to this folder: read_dataset (readers.h) chooses among them.
#pragma once

#include "finetune/data/dataset.h"
#include "finetune/data/readers/readers.h"

namespace thaw {

Dataset read_csv(const DataSource& source, char separator);
Dataset read_jsonl(const DataSource& source);
Dataset read_lines(const DataSource& source);  // a text per line, without labels
Dataset read_idx(const DataSource& source);
Dataset read_digits(const DataSource& source);

}  // namespace thaw
