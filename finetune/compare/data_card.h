// The data card: what a comparison's data are, and what may make its result look better than it is.
#pragma once

#include <string>
#include <vector>

#include "finetune/preprocess/prepared_data.h"
#include "finetune/report/comparison.h"
#include "finetune/run/prepare_data.h"

namespace thaw {

// `loaded` before, `drawn` after a training subset is drawn.
DataCard make_data_card(const Config& config, const ModelSource& source, const PreparedData& loaded,
                        const PreparedData& drawn);

// Rows of `second` that are nearly rows of `first`: not farther from one than a tenth of the median distance
// from a row of `second` to its nearest in `first`, equal rows apart (Euclidean; columns of a table by their
// deviations). At most `most_pairs` pairs are compared; rows of `first` beyond that are passed over, and
// `compared` says how many were not. Of texts: the same words, whatever capitals and punctuation are.
struct NearDuplicates {
  std::int64_t count = 0;
  std::int64_t compared = 0;  // rows of `first`
};
NearDuplicates near_duplicates(const Dataset& first, const Dataset& second, double most_pairs = 1e7);

// SHA-256 of everything that is trained, chosen and judged on, labels too.
std::string data_fingerprint(const PreparedData& loaded);

// What a careful reader would object to: a tuning set larger than the training set, near-duplicates.
std::vector<std::string> data_warnings(const DataCard& card);

}  // namespace thaw
