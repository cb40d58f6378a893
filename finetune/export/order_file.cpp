#include "finetune/export/order_file.h"

#include <cmath>
#include <numeric>
#include <vector>

#include "finetune/common/json.h"
#include "finetune/data/numbers.h"
#include "finetune/data/pictures.h"
#include "finetune/data/texts.h"

namespace thaw {
namespace {

// As sum_of() of the script has it.
double sum_of_inputs(const Dataset& data) {
  double sum = 0;
  if (const Numbers* numbers = find_numbers(data)) {
    for (const float value : numbers->values) sum += std::abs(static_cast<double>(value));
  } else if (const Texts* texts = find_texts(data)) {
    for (const Text& text : texts->texts)
      sum += static_cast<double>(std::accumulate(text.tokens.begin(), text.tokens.end(), std::int64_t{0}));
  } else if (const Pictures* pictures = find_pictures(data)) {
    for (std::int64_t row = 0; row < pictures->size(); ++row)
      for (const float value : pictures->values(row)) sum += std::abs(static_cast<double>(value));
  } else {
    sum = static_cast<double>(total_length(*data.inputs));
  }
  return sum;
}

Json targets_json(const Dataset& data) {
  if (data.targets == Targets::classes) return data.labels();
  Json targets = Json::array();
  for (const Sample& sample : data.samples) {
    if (data.targets == Targets::transcripts)
      targets.push_back(sample.characters);
    else
      targets.push_back(static_cast<float>(sample.target));  // as the script has it
  }
  return targets;
}

Json part_json(const Dataset& data) {
  if (data.size() == 0) return nullptr;
  std::vector<std::int64_t> rows;
  for (const Sample& sample : data.samples) rows.push_back(sample.id);
  return {{"rows", rows}, {"targets", targets_json(data)}, {"sum", sum_of_inputs(data)}};
}

}  // namespace

void write_order(FileWriter& file, const PreparedData& data, BatchPlan batches, std::int64_t updates) {
  file.write("{\"train\": " + part_json(data.train).dump() + ",\n");
  file.write("\"validation\": " + part_json(data.validation).dump() + ",\n");
  file.write("\"updates\": [\n");
  for (std::int64_t completed = 0; completed < updates; ++completed) {
    std::vector<std::vector<std::int64_t>> micro_batches = batches.update(completed);
    for (std::vector<std::int64_t>& rows : micro_batches)
      for (std::int64_t& row : rows) row = data.train[row].id;
    file.write(Json(micro_batches).dump() + (completed + 1 < updates ? ",\n" : "\n"));
  }
  file.write("]}\n");
}

}  // namespace thaw
