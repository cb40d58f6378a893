// The tensors of a file and those of a model: what belongs to what, by name.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "nn/io/weight_files.h"
#include "nn/module.h"

namespace thaw {

// Parameters and buffers under every name that they have in files; LoRA and DoRA are folded into the weights
// that they adapt.
NamedTensors merged_weights(Model& model);

// The model's name for a tensor of a file, without what PEFT ("base_model.model."), data parallel models
// ("module."), torch.compile ("_orig_mod.") and Lightning ("model.") put before every name; nothing for what
// is no part of the model.
std::optional<std::string> model_name(const Model& model, const std::string& name_in_file);

// A new tensor whose row i is row rows[i] of `tensor`.
Tensor rows_in_order(const Tensor& tensor, const std::vector<std::int64_t>& rows);

// Of the model's tensors those that the files have, by the model's names, with their shapes there. A head
// that is for something else than the model (ModelConfig::foreign_head) is none of the model's.
using TensorShapes = std::map<std::string, std::vector<std::int64_t>>;
TensorShapes shapes_in(const Model& model, const WeightFiles& files);

struct Mismatch {
  std::string name;
  std::string shapes;  // "the file has [10, 64], the model [3, 64]"
  std::string text() const { return name + ": " + shapes; }
};

struct LoadReport {
  std::vector<std::string> missing;     // in the model, not in the file under any of its names
  std::vector<std::string> unexpected;  // in the file, not in the model
  std::vector<Mismatch> mismatched;
  std::vector<std::string>
      notes;  // a head that was passed over, names that were taken without their beginning
  bool fits() const { return missing.empty() && unexpected.empty() && mismatched.empty(); }
};

// Copies what fits from the files into the model, converting dtypes, and says what did not.
LoadReport load_weights(Model& model, const WeightFiles& files);

// One line: counts and names of each kind, as name_list() has them.
std::string describe_problems(const LoadReport& report);

}  // namespace thaw
