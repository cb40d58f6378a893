// report.html of a comparison: one self-contained page that opens from disk. Its parts are the headers beside
// this one. A part for which the comparison has no data is "", or a line that says why it is missing.
#pragma once

#include <string>

#include "finetune/config/config.h"
#include "finetune/report/comparison.h"

namespace thaw {

std::string report_html(const Config& config, const CompareOutcome& outcome);

}  // namespace thaw
