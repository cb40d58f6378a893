// A table as the network of a run sees it: features by name, and the rows of each part of the data.
//   dump_table CONFIG
// Prints JSON: features, and train, validation and test, each a list of rows with their id (0-based, of the file) and x.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "finetune/data/numbers.h"
#include "finetune/run/prepare_data.h"

namespace thaw {
namespace {

nlohmann::json rows_of(const Dataset& data) {
  nlohmann::json rows = nlohmann::json::array();
  for (std::int64_t row = 0; row < data.size(); ++row) {
    const Numbers& numbers = numbers_of(data);
    const std::vector<float> x(numbers.sample(row), numbers.sample(row) + numbers.sample_size);
    rows.push_back({{"id", data[row].id}, {"x", x}});
  }
  return rows;
}

void dump(const std::string& path) {
  const Config config = load_config(path);
  const PreparedData data = prepare_data(config, open_source(config.model), config.train.seed, false, false);
  const nlohmann::json out{{"features", data.train.columns},
                           {"train", rows_of(data.train)},
                           {"validation", rows_of(data.validation)},
                           {"test", rows_of(data.test)}};
  std::puts(out.dump().c_str());
}

}  // namespace
}  // namespace thaw

int main(int count, char** arguments) {
  if (count != 2) {
    std::fputs("usage: dump_table CONFIG\n", stderr);
    return 2;
  }
  try {
    thaw::dump(arguments[1]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "dump_table: %s\n", error.what());
    return 1;
  }
}
