// What a model of images computes, into a safetensors file: for golden/check_vision_models.py.
//   dump_image_model FOLDER IN OUT
// IN has images x [B, C, H, W] and labels [n], those of the first n <= B. OUT gets the logits of all in evaluation mode,
// and of the first n, by modes `eval` and `train` (without dropout): MODE.loss, the mean cross-entropy, and MODE.grad.NAME
// of every parameter, named as in files.
#include <algorithm>
#include <cstdio>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops.h"
#include "finetune/model/model_folder.h"

namespace thaw {
namespace {

constexpr std::int64_t kBatch = 16;

Tensor logits_of(Model& model, const Tensor& images) {
  const NoGrad no_grad;
  std::vector<Tensor> parts;
  for (std::int64_t begin = 0; begin < images.size(0); begin += kBatch)
    parts.push_back(model.forward(slice(images, 0, begin, std::min(images.size(0), begin + kBatch))));
  return concatenate(parts, 0);
}

void add_gradients(Model& model, const Tensor& images, const Tensor& labels, const std::string& mode,
                   NamedTensors& out) {
  model.train(mode == "train");
  const Tensor loss = cross_entropy(model.forward(images), labels);
  loss.backward();
  out.emplace_back(mode + ".loss", loss.detach());
  for (const ParameterPtr& parameter : model.parameters()) {
    out.emplace_back(mode + ".grad." + model.name_in_file(parameter->name), parameter->tensor.grad().clone());
    parameter->tensor.clear_grad();
  }
}

void dump(const std::string& path, const std::string& in, const std::string& out) {
  const SafetensorsFile file(in);
  const Tensor images = file.load("x"), labels = file.load("labels");
  ModelConfig config = read_model_folder(path).config;
  config.sample_shape = {images.size(1), images.size(2), images.size(3)};
  set_dropout(config, 0);
  const auto model = make_model(config);
  const LoadReport report = load_weights(*model, WeightFiles(path));
  if (!report.fits()) fail_input("the weights do not fit: ", describe_problems(report), " (", path, ")");
  model->train(false);
  NamedTensors tensors{{"logits", logits_of(*model, images)}};
  for (const char* mode : {"eval", "train"})
    add_gradients(*model, slice(images, 0, 0, labels.size(0)), labels, mode, tensors);
  save_safetensors(out, tensors);
}

}  // namespace
}  // namespace thaw

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: dump_image_model FOLDER IN OUT\n");
    return 2;
  }
  try {
    thaw::dump(argv[1], argv[2], argv[3]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "dump_image_model: error: %s\n", error.what());
    return 2;
  }
}
