// What watching a run sees: how far weights are from their start, and how large an update is beside them.
#include "finetune/train/watch.h"

#include <gtest/gtest.h>

#include "nn/layers/linear.h"
#include "tests/training_fixture.h"

namespace thaw {
namespace {

void scale(const ParameterPtr& parameter, double factor) {
  const NoGrad no_grad;
  kernels::affine(parameter->tensor, std::as_const(parameter->tensor), factor, 0);
}

struct Watched : ::testing::Test {
  Watched() : model(test::TestRun("mlp", {"full", {}, {}}).make()), watch(*model, 3) {
    for (const ParameterPtr& parameter : model->parameters())
      parameter->set_requires_grad(parameter->name == "head.weight");
  }
  // An update that scales the weights of the head, whose bias is frozen.
  void update(std::int64_t completed, double factor, double loss = 1) {
    watch.before_step(*model, completed, loss);
    for (const ParameterPtr& parameter : model->parameters())
      if (parameter->requires_grad()) scale(parameter, factor);
    watch.after_step(*model, completed);
  }
  std::unique_ptr<Model> model;
  Watch watch;
};

double norm_of(const Tensor& x) { return std::sqrt(sum(square(x.detach())).item()); }

TEST_F(Watched, DriftIsFromTheStartAndAnUpdateFromTheOneBefore) {
  const auto head = static_cast<std::size_t>(model->head());
  const ParameterPtr weight = model->output_layer().weight(), bias = model->output_layer().bias();
  const double of_weight = norm_of(weight->tensor), of_bias = norm_of(bias->tensor);
  ASSERT_GT(of_bias, 0.1 * of_weight) << "or a mistake would not show";
  for (std::int64_t k = 0; k < 3; ++k) update(k, 1.5);
  ASSERT_EQ(watch.samples().size(), 3U);
  const double start = std::sqrt(of_weight * of_weight + of_bias * of_bias);
  double scaled = 1;
  for (const WatchSample& sample : watch.samples()) {
    scaled *= 1.5;
    EXPECT_NEAR(sample.update_ratio[head], 0.5, 1e-5)
        << "beside what trains, not what is frozen in its group";
    EXPECT_NEAR(sample.drift[head], (scaled - 1) * of_weight / start, 1e-5);
    for (std::size_t g = 0; g < head; ++g) {
      EXPECT_EQ(sample.update_ratio[g], 0);
      EXPECT_EQ(sample.drift[g], 0);
    }
  }
}

TEST_F(Watched, LossesBetweenSamplesAreTheirMean) {
  Watch seldom(*model, 4, 2);
  for (std::int64_t k = 0; k < 4; ++k) {
    seldom.before_step(*model, k, static_cast<double>(k));
    seldom.after_step(*model, k);
  }
  ASSERT_EQ(seldom.samples().size(), 3U) << "every second one, and the last";
  EXPECT_EQ(seldom.samples()[0].loss, 0);
  EXPECT_EQ(seldom.samples()[1].loss, 1.5);
  EXPECT_EQ(seldom.samples()[2].loss, 3);
}

}  // namespace
}  // namespace thaw
