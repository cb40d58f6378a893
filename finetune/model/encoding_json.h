// The part of preprocess.json that says how a table's columns become features.
#pragma once

#include <string>

#include "finetune/common/json.h"
#include "finetune/preprocess/preprocess.h"

namespace thaw {

// {"missing": "error" or "median", "columns": [{"column", "kind", ..}, ..]}
Json encoding_json(const TableEncoding& encoding);

// InputError where it is not such, or its columns are not `columns`; `path` is for messages.
TableEncoding read_encoding(const nlohmann::json& json, const std::vector<std::string>& columns,
                            const std::string& path);

}  // namespace thaw
