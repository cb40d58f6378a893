// What a text model computes, into a safetensors file: for golden/check_text_model.py.
//   dump_text_model FOLDER TABLE BATCH OUT
// For each batch k of the table's texts: tokens.k, mask.k, states.k.0 (embeddings), states.k.1 (first layer)
// and so on, logits.k. For the first batch also loss and grad.NAME of every parameter, named as in files.
#include <cstdio>
#include <cstdlib>
#include <numeric>

#include "core/autograd.h"
#include "core/error.h"
#include "finetune/data/batch.h"
#include "finetune/data/readers/readers.h"
#include "finetune/model/model_folder.h"
#include "finetune/model/text_source.h"
#include "finetune/preprocess/text_input.h"
#include "finetune/train/step.h"
#include "nn/models/bert.h"

namespace thaw {
namespace {

Dataset read_texts(const ModelFolder& folder, const std::string& path) {
  const auto input = text_input(folder);
  if (!input) fail_input("the model takes no text (", folder.path, "); give a text model's folder");
  DataSource source;
  source.path = path;
  source.text = input->column;
  source.classes = folder.preprocess.labels;
  Dataset data = read_dataset(source);
  tokenize(*input, {&data});
  return data;
}

Tensor copy_of(const Tensor& tensor) { return tensor.detach().clone(); }

void add_batch(Model& model, const Batch& batch, const std::string& k, NamedTensors& out) {
  const NoGrad no_grad;
  out.emplace_back("tokens." + k, batch.x.values);
  const Tensor& mask = batch.x.padding.mask;
  out.emplace_back("mask." + k, mask.defined() ? mask : ones(batch.x.values.shape(), {DType::boolean}));
  ModelState state = model.begin(batch.x);
  for (int group = 0; group < model.head(); ++group) {
    model.run_group(group, state);
    out.emplace_back("states." + k + "." + std::to_string(group), copy_of(take_states(ModelState(state))));
  }
  out.emplace_back("logits." + k, copy_of(model.forward(batch.x)));
}

void add_gradients(Model& model, const Batch& batch, NamedTensors& out) {
  out.emplace_back("loss", forward_backward(model, batch, {}, 1, nullptr));
  for (const ParameterPtr& parameter : model.parameters())
    if (parameter->tensor.grad().defined())
      out.emplace_back("grad." + model.name_in_file(parameter->name), copy_of(parameter->tensor.grad()));
}

void dump(const std::string& path, const std::string& table, std::int64_t size, const std::string& out) {
  const ModelFolder folder = read_model_folder(path);
  const auto model = make_model(folder.config);
  const LoadReport report = load_weights(*model, WeightFiles(path));
  if (!report.fits()) fail_input("the weights do not fit: ", describe_problems(report), " (", path, ")");
  model->train(false);
  const Dataset data = read_texts(folder, table);
  NamedTensors tensors;
  for (std::int64_t begin = 0; begin < data.size(); begin += size) {
    std::vector<std::int64_t> rows(static_cast<std::size_t>(std::min(size, data.size() - begin)));
    std::iota(rows.begin(), rows.end(), begin);
    const Batch batch = make_batch(data, rows);
    add_batch(*model, batch, std::to_string(begin / size), tensors);
    if (begin == 0) add_gradients(*model, batch, tensors);
  }
  save_safetensors(out, tensors);
}

}  // namespace
}  // namespace thaw

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: dump_text_model FOLDER TABLE BATCH OUT\n");
    return 2;
  }
  try {
    thaw::dump(argv[1], argv[2], std::atoi(argv[3]), argv[4]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "dump_text_model: %s\n", error.what());
    return 1;
  }
}
