// Convolutional networks in training mode, as PyTorch computes them. golden/make_models.py made the folders.
#include <gtest/gtest.h>

#include "tests/golden/tiny_models.h"

namespace thaw::test {
namespace {

// A batch norm then normalises by the batch, whose statistics it counts.
class GoldenBatchNorms : public ::testing::TestWithParam<Task> {};

INSTANTIATE_TEST_SUITE_P(Folders, GoldenBatchNorms,
                         ::testing::Values(Task{"resnet", "train", ""}, Task{"resnet-caffe", "train", ""},
                                           Task{"resnet-basic", "train", ""},
                                           Task{"efficientnet-lite", "train", ""}),
                         task_name<::testing::TestParamInfo<Task>>);

TEST_P(GoldenBatchNorms, TrainAsInPyTorch) {
  const Task& task = GetParam();
  const SafetensorsFile golden = golden_of(task);
  const auto model = loaded(task);
  model->train(true);
  const Tensor logits = model->forward(input_of(golden));
  EXPECT_TRUE(all_close(logits, golden.load("train.logits"), 0, 1e-5));
  const Tensor loss = loss_of(logits, task, golden);
  EXPECT_TRUE(all_close(loss, golden.load("train.loss"), 0, 1e-5));
  loss.backward();
  const Gradients gradients = gradients_of(*model, task, golden);
  EXPECT_EQ(gradients.size(), count_gradients(task, golden));
  expect_gradients(gradients);
  for (const BufferPtr& buffer : model->buffers())
    EXPECT_TRUE(
        all_close(buffer->tensor, golden.load("train.b." + model->name_in_file(buffer->name)), 0, 1e-6))
        << buffer->name;
}

}  // namespace
}  // namespace thaw::test
