// What the exported script does not do. A script that silently did something else would be worse than none.
#pragma once

#include "finetune/train/run_setup.h"

namespace thaw {

// InputError naming the first thing of the run that no script is written for.
void check_can_export(const Config& config, const PreparedData& data, const RunSetup& setup);

// The ending of a data file in lower case, without a .gz behind it; "builtin" for builtin data, "idx" for IDX files, "folder"
// for a folder of pictures.
std::string kind_of_file(const std::string& path);

// The separator of a table's fields, as Python's csv module is to be told. InputError where it cannot read the table as
// thaw does.
char separator_of_table(const Config& config, const std::string& path);

}  // namespace thaw
