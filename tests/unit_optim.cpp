// Optimizers and schedules against PyTorch 2's, and what freezing asks of them.
#include <gtest/gtest.h>

#include <cmath>

#include "core/autograd.h"
#include "core/ops.h"
#include "kernels/memory.h"
#include "nn/optim/adamw.h"
#include "nn/optim/optimizer.h"
#include "nn/optim/schedule.h"
#include "nn/optim/sgd.h"
#include "tests/support/messages.h"

namespace thaw::test {
namespace {

const std::vector<double> kStart = {0.5, -1.25, 2.0, 0.03125, -0.75, 1.5, 3.0, -2.0, 0.25, 1.0};

ParameterPtr make_parameter(const char* name, const std::vector<double>& values) {
  auto parameter = std::make_shared<Parameter>();
  const CategoryScope category(memory::Category::parameter);
  parameter->tensor = from_vector(values, {static_cast<std::int64_t>(values.size())});
  parameter->tensor.set_requires_grad();
  parameter->name = name;
  return parameter;
}

void set_gradient(const ParameterPtr& parameter, const std::vector<double>& values) {
  parameter->tensor.set_grad(from_vector(values, parameter->tensor.shape()));
}

// Gradient of step k, rounded to f32 in PyTorch's run too: sin(1.7 i + 0.9 k) + 0.3 cos(0.01 i k).
std::vector<double> gradient_of_step(int k) {
  std::vector<double> g;
  for (int i = 0; i < 10; ++i) g.push_back(std::sin(i * 1.7 + k * 0.9) + 0.3 * std::cos(i * k * 0.01));
  return g;
}

void expect_near(const Tensor& got, const std::vector<double>& expected, double tolerance) {
  const std::vector<double> values = got.to_vector();
  ASSERT_EQ(values.size(), expected.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    EXPECT_NEAR(values[i], expected[i], tolerance * std::max(1.0, std::abs(expected[i]))) << "element " << i;
}

template <class O, class Options>
void expect_hundred_steps(Options options, double lr, const std::vector<double>& expected) {
  const ParameterPtr w = make_parameter("w", kStart);
  O optimizer({w}, options);
  for (int k = 0; k < 100; ++k) {
    set_gradient(w, gradient_of_step(k));
    optimizer.step(lr);
  }
  EXPECT_EQ(optimizer.state(*w).steps, 100);
  expect_near(w->tensor, expected, 1e-6);
}

// The expected weights: torch.optim.SGD / AdamW, 100 steps from kStart with these gradients, on the CPU in
// f32.
TEST(Sgd, EqualsPyTorch) {
  expect_hundred_steps<Sgd>(SgdOptions{}, 0.01,
                            {0.189481229, -1.5181303, 1.87587059, 0.0254485346, -0.713022649, 1.54961145,
                             3.03296375, -2.02658796, 0.191647202, 0.986517012});
}

TEST(Sgd, MomentumDampeningDecayEqualPyTorch) {
  expect_hundred_steps<Sgd>(SgdOptions{.momentum = 0.9, .dampening = 0.2, .weight_decay = 0.1}, 0.01,
                            {-1.43443155, -1.9748795, 0.21980463, 0.00611774391, 0.0371706523, 1.1653192,
                             1.67177474, -0.967840314, -0.152754307, 0.288927406});
}

TEST(Sgd, NesterovEqualsPyTorch) {
  expect_hundred_steps<Sgd>(SgdOptions{.momentum = 0.9, .weight_decay = 0.1, .nesterov = true}, 0.01,
                            {-1.74244308, -2.07062769, -0.0126024634, 0.0956829414, 0.261811882, 1.16123402,
                             1.44988346, -0.830500126, -0.2404771, 0.170613989});
}

TEST(AdamW, EqualsPyTorch) {
  expect_hundred_steps<AdamW>(AdamWOptions{.weight_decay = 0.1}, 0.01,
                              {0.0560074709, -1.46747816, 1.628649, -0.0248114988, -0.685193658, 1.40014565,
                               2.7782383, -1.84183133, 0.142262444, 0.861352861});
}

TEST(AdamW, OtherOptionsEqualPyTorch) {
  expect_hundred_steps<AdamW>(AdamWOptions{.beta1 = 0.8, .beta2 = 0.95, .eps = 1e-6, .weight_decay = 0},
                              0.003,
                              {0.377964199, -1.35367918, 1.94699192, 0.0229942128, -0.742218912, 1.51754177,
                               3.01871467, -2.0095048, 0.226088792, 0.988905787});
}

TEST(Optimizer, MultiplierScalesTheRateAndDecayCanBeOff) {
  const ParameterPtr plain = make_parameter("plain", {1, 2});
  const ParameterPtr scaled = make_parameter("scaled", {1, 2});
  scaled->lr_mult = 0.25;
  scaled->weight_decay = false;
  Sgd optimizer({plain, scaled}, {.weight_decay = 0.5});
  set_gradient(plain, {1, 1});
  set_gradient(scaled, {1, 1});
  optimizer.step(0.1);
  expect_near(plain->tensor, {1 - 0.1 * 1.5, 2 - 0.1 * 2.0}, 1e-6);
  expect_near(scaled->tensor, {1 - 0.025, 2 - 0.025}, 1e-6);
}

// Without a gradient AdamW's step is its decay alone.
TEST(Optimizer, DecayOfAdamWCanBeOffToo) {
  const ParameterPtr plain = make_parameter("plain", {1, 2});
  const ParameterPtr kept = make_parameter("kept", {1, 2});
  kept->weight_decay = false;
  AdamW optimizer({plain, kept}, {.weight_decay = 0.5});
  set_gradient(plain, {0, 0});
  set_gradient(kept, {0, 0});
  optimizer.step(0.1);
  expect_near(plain->tensor, {0.95, 1.9}, 1e-6);
  expect_near(kept->tensor, {1, 2}, 0);
}

TEST(Optimizer, FrozenParametersKeepTheirBitsAndOwnNoState) {
  const ParameterPtr frozen = make_parameter("frozen", kStart);
  const ParameterPtr without_gradient = make_parameter("without_gradient", kStart);
  AdamW optimizer({frozen, without_gradient}, {.weight_decay = 0.5});
  frozen->set_requires_grad(false);
  set_gradient(frozen, gradient_of_step(0));  // a stray one
  const std::uint64_t version = frozen->tensor.version();
  for (int k = 0; k < 3; ++k) optimizer.step(0.1);
  for (const ParameterPtr& p : {frozen, without_gradient}) {
    EXPECT_EQ(p->tensor.to_vector(), make_parameter("", kStart)->tensor.to_vector());
    EXPECT_EQ(optimizer.state(*p).steps, 0);
    EXPECT_TRUE(optimizer.state(*p).slots.empty());
  }
  EXPECT_EQ(frozen->tensor.version(), version);
}

// Subnormal numbers slow every later step down.
TEST(Optimizer, StateWithoutNewsBecomesZero) {
  const auto state_after = [](auto&& optimizer, const ParameterPtr& w) {
    set_gradient(w, gradient_of_step(0));
    optimizer.step(0.1);
    set_gradient(w, std::vector<double>(kStart.size(), 0.0));
    for (int k = 0; k < 1500; ++k) optimizer.step(0.1);
    std::vector<double> values;
    for (const Tensor& tensor : optimizer.state(*w).slots)
      for (const double value : tensor.to_vector()) values.push_back(std::abs(value));
    return values;
  };
  const ParameterPtr w = make_parameter("w", kStart);
  for (const double value : state_after(Sgd({w}, {.momentum = 0.9, .weight_decay = 0}), w))
    EXPECT_EQ(value, 0);
  const std::vector<double> moments = state_after(AdamW({w}, {.beta2 = 0.9, .weight_decay = 0}), w);
  EXPECT_EQ(moments.size(), 20u) << "ten means, ten variances";
  for (const double value : moments) EXPECT_EQ(value, 0);
}

// Bias correction counts the parameter's own steps: its first update after a late thaw is a full first step.
TEST(Optimizer, ThawedLaterIsLikeNew) {
  const ParameterPtr early = make_parameter("early", {1});
  const ParameterPtr late = make_parameter("late", {1});
  AdamW optimizer({early, late}, {.weight_decay = 0});
  late->set_requires_grad(false);
  for (int k = 0; k < 5; ++k) {
    set_gradient(early, {0.3});
    optimizer.step(0.1);
  }
  late->set_requires_grad(true);
  set_gradient(late, {0.3});
  early->tensor.clear_grad();
  optimizer.step(0.1);
  EXPECT_EQ(optimizer.state(*early).steps, 5);
  EXPECT_EQ(optimizer.state(*late).steps, 1);
  expect_near(late->tensor, {0.9}, 1e-6);
}

TEST(Optimizer, PoliciesKeepDropAndPark) {
  const ParameterPtr w = make_parameter("w", kStart);
  AdamW optimizer({w}, {});
  const auto state_bytes = [] {
    return memory::usage(kCpu).current[static_cast<std::size_t>(memory::Category::optimizer)];
  };
  const auto step = [&] {
    set_gradient(w, gradient_of_step(1));
    optimizer.step(0.1);
  };
  const std::int64_t before = state_bytes();
  const std::int64_t both_moments = 2 * w->tensor.bytes();
  step();
  EXPECT_EQ(state_bytes() - before, both_moments);
  optimizer.apply_policy(*w, StatePolicy::keep);
  EXPECT_EQ(state_bytes() - before, both_moments);
  step();
  EXPECT_EQ(optimizer.state(*w).steps, 2);
  EXPECT_EQ(state_bytes() - before, both_moments);
  optimizer.apply_policy(*w, StatePolicy::drop);
  EXPECT_EQ(optimizer.state(*w).steps, 0);
  EXPECT_EQ(state_bytes() - before, 0);
}

TEST(Optimizer, RestoredStateContinuesWithTheSameBits) {
  const auto run = [](bool interrupt) {
    ParameterPtr w = make_parameter("w", kStart);
    auto optimizer = std::make_unique<AdamW>(std::vector{w}, AdamWOptions{});
    for (int k = 0; k < 6; ++k) {
      if (interrupt && k == 3) {
        OptimizerState copy = optimizer->state(*w);
        for (Tensor& slot : copy.slots) slot = slot.clone();
        w = make_parameter("w", w->tensor.to_vector());
        optimizer = std::make_unique<AdamW>(std::vector{w}, AdamWOptions{});
        optimizer->restore_state(*w, copy);
      }
      set_gradient(w, gradient_of_step(k));
      optimizer->step(0.1);
    }
    return w->tensor.to_vector();
  };
  EXPECT_EQ(run(true), run(false));
}

TEST(Optimizer, RefusesWhatCannotBe) {
  const ParameterPtr w = make_parameter("w", {1});
  const ParameterPtr other = make_parameter("other", {1, 2});
  AdamW optimizer({w}, {});
  EXPECT_NE(message_of([&] { AdamW({w, w}, {}); }).find("'w' is given twice"), std::string::npos);
  EXPECT_NE(message_of([&] { optimizer.state(*other); }).find("'other' is not one of"), std::string::npos);
  EXPECT_NE(message_of([&] {
              optimizer.restore_state(*w, {1, {zeros({1})}});
            }).find("has 1 tensors"),
            std::string::npos);
  EXPECT_NE(message_of([&] {
              optimizer.restore_state(*w, {1, {zeros({2}), zeros({1})}});
            }).find("exp_avg of 'w' is f32 [2]"),
            std::string::npos);
  EXPECT_NE(message_of([&] { Sgd({w}, {.nesterov = true}); }).find("nesterov needs"), std::string::npos);
  EXPECT_NE(message_of([&] { AdamW({w}, {.beta2 = 1}); }).find("beta2 is 1"), std::string::npos);
}

TEST(Clip, ScalesActiveGradientsToTheNorm) {
  const ParameterPtr a = make_parameter("a", {0, 0});
  const ParameterPtr b = make_parameter("b", {0});
  const ParameterPtr frozen = make_parameter("frozen", {0});
  set_gradient(a, {3, 0});
  set_gradient(b, {4});
  frozen->set_requires_grad(false);
  set_gradient(frozen, {100});
  EXPECT_DOUBLE_EQ(clip_gradients({a, b, frozen}, 10), 5);
  expect_near(a->tensor.grad(), {3, 0}, 0);
  EXPECT_DOUBLE_EQ(clip_gradients({a, b, frozen}, 1), 5);
  expect_near(a->tensor.grad(), {3 / (5 + 1e-6), 0}, 1e-7);
  expect_near(b->tensor.grad(), {4 / (5 + 1e-6)}, 1e-7);
  expect_near(frozen->tensor.grad(), {100}, 0);
  EXPECT_TRUE(std::isnan(clip_factor(std::nan(""), 1)));
}

// -- schedules

const std::string& name(ScheduleKind kind) { return names_of(kind)[static_cast<std::size_t>(kind)]; }

void expect_schedule(const Schedule& schedule, const std::vector<double>& expected) {
  for (std::size_t k = 0; k < expected.size(); ++k)
    EXPECT_NEAR(
        multiplier(schedule, static_cast<std::int64_t>(k), static_cast<std::int64_t>(expected.size())),
        expected[k], 1e-9)
        << name(schedule.kind) << " at " << k;
}

TEST(Schedule, Constant) { expect_schedule({}, {1, 1, 1}); }

TEST(Schedule, LinearWithWarmup) {
  expect_schedule({.kind = ScheduleKind::linear}, {1, 0.75, 0.5, 0.25});
  expect_schedule({.kind = ScheduleKind::linear, .warmup_steps = 2}, {0, 0.5, 1, 0.75, 0.5, 0.25});
}

TEST(Schedule, Cosine) {
  expect_schedule({.kind = ScheduleKind::cosine}, {1, 0.853553390593, 0.5, 0.146446609407});
  expect_schedule({.kind = ScheduleKind::cosine, .warmup_steps = 1}, {0, 1, 0.75, 0.25});
}

// torch.optim.lr_scheduler.OneCycleLR(max_lr=1, total_steps=10 and 3, cycle_momentum=False)
TEST(Schedule, OneCycleEqualsPyTorch) {
  expect_schedule({.kind = ScheduleKind::one_cycle},
                  {0.04, 0.52, 1.0, 0.950484632013, 0.81174565395, 0.611262021936, 0.388741978064,
                   0.18825834605, 0.0495193679865, 4e-06});
  expect_schedule({.kind = ScheduleKind::one_cycle}, {0.994415435451, 0.462637102667, 4e-06});
}

TEST(Schedule, SlantedTriangularIsTheEquationOfUlmfit) {
  const Schedule schedule{.kind = ScheduleKind::slanted_triangular};
  EXPECT_DOUBLE_EQ(multiplier(schedule, 0, 100), 1.0 / 32);
  EXPECT_DOUBLE_EQ(multiplier(schedule, 5, 100), (1 + 0.5 * 31) / 32);
  EXPECT_DOUBLE_EQ(multiplier(schedule, 10, 100), 1);
  EXPECT_DOUBLE_EQ(multiplier(schedule, 55, 100), (1 + 0.5 * 31) / 32);
  EXPECT_DOUBLE_EQ(multiplier(schedule, 100, 100), 1.0 / 32);
  EXPECT_DOUBLE_EQ(multiplier(schedule, 2, 25), 1) << "it rises for floor(2.5) updates";
  EXPECT_LT(multiplier(schedule, 3, 25), 1);
}

TEST(Schedule, ShortRunsAreFinite) {
  for (const ScheduleKind kind : {ScheduleKind::constant, ScheduleKind::linear, ScheduleKind::cosine,
                                  ScheduleKind::one_cycle, ScheduleKind::slanted_triangular})
    for (const std::int64_t total : {0, 1, 2, 7})
      for (std::int64_t warmup = 0; warmup < 4; ++warmup)
        for (std::int64_t k = 0; k <= total; ++k) {
          const double m = multiplier({.kind = kind, .warmup_steps = warmup}, k, total);
          EXPECT_TRUE(m >= 0 && m <= 1) << name(kind) << ' ' << k << " of " << total << ": " << m;
        }
}

TEST(Schedule, NamesAreThoseOfTheirValues) {
  EXPECT_EQ(name(ScheduleKind::constant), "constant");
  EXPECT_EQ(name(ScheduleKind::slanted_triangular), "slanted-triangular");
}

}  // namespace
}  // namespace thaw::test
