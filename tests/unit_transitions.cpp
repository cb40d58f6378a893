// Behaviours 4 to 6 of those in which fine-tuning programs go wrong: what optimizers keep, and which learning
// rate parameters get, when layers freeze and thaw.
#include <gtest/gtest.h>

#include "core/ops.h"
#include "finetune/model/snapshot.h"
#include "finetune/plan/plan_text.h"
#include "finetune/plan/plan_timeline.h"
#include "finetune/train/trainer.h"
#include "tests/training_fixture.h"

namespace thaw::test {
namespace {

TEST(Behaviour4, UntouchedGroupsKeepTheirOptimizerState) {
  for (const StatePolicy policy : {StatePolicy::keep, StatePolicy::drop}) {
    SCOPED_TRACE(to_text(policy));
    const TestRun run("mlp", {"full", {}, {}});
    const auto model = run.make();
    const auto optimizer = make_optimizer(run.config.train, *model);
    const ResolvedPlan plan = resolve(
        *model, plan_of({make_phase(0, "top:1"), make_phase(3, "head, layers.0"), make_phase(6, "top:1")}));
    const auto parameters = model->parameters();
    const Parameter& freezes = *parameters[4];
    const Parameter& stays = *parameters[6];
    ASSERT_EQ(freezes.name, "layers.2.weight");
    ASSERT_EQ(stays.name, "head.weight");
    auto go_on = [&](int from, int to) {
      for (int k = from; k < to; ++k) train_step(*model, *optimizer, run.batch());
    };
    auto transition = [&](int k) {
      const std::vector<bool> before = trainable_flags(*model);
      apply_plan(*model, plan, k, {});
      apply_state_policy(*optimizer, before, policy);
    };
    apply_plan(*model, plan, 0, {});
    go_on(0, 3);
    const Tensor moment = optimizer->state(stays).slots[0].clone();
    const Tensor frozen_moment = optimizer->state(freezes).slots[0].clone();
    const std::int64_t state_bytes =
        memory::usage(kCpu).current[static_cast<std::size_t>(memory::Category::optimizer)];

    transition(3);
    EXPECT_TRUE(same_bits(moment, optimizer->state(stays).slots[0]));
    EXPECT_EQ(optimizer->state(stays).steps, 3);
    EXPECT_EQ(optimizer->state(freezes).steps, policy == StatePolicy::drop ? 0 : 3);
    EXPECT_EQ(optimizer->state(freezes).slots.empty(), policy == StatePolicy::drop);
    const std::int64_t bytes_of_group = 2 * (freezes.tensor.bytes() + parameters[5]->tensor.bytes());
    EXPECT_EQ(
        state_bytes - memory::usage(kCpu).current[static_cast<std::size_t>(memory::Category::optimizer)],
        policy == StatePolicy::keep ? 0 : bytes_of_group);

    go_on(3, 6);
    EXPECT_EQ(optimizer->state(stays).steps, 6);
    if (policy != StatePolicy::drop) {
      EXPECT_TRUE(same_bits(frozen_moment, optimizer->state(freezes).slots[0]));
    }
    transition(6);
    go_on(6, 7);
    EXPECT_EQ(optimizer->state(freezes).steps, policy == StatePolicy::drop ? 1 : 4);
  }
}

TEST(Behaviour5, ALayerFrozenBeforeTheOptimizerWasMadeIsUpdatedOnceThawed) {
  const TestRun run("mlp", {"full", {}, {}});
  const auto model = run.make();
  const ResolvedPlan plan = resolve(*model, plan_of({make_phase(0, "head"), make_phase(1, "all")}));
  apply_plan(*model, plan, 0, {});
  const auto optimizer = make_optimizer(run.config.train, *model);
  const Snapshot before = take_snapshot(*model);
  train_step(*model, *optimizer, run.batch());
  EXPECT_TRUE(same_bits(before[0], model->parameters()[0]->tensor));
  apply_plan(*model, plan, 1, {});
  train_step(*model, *optimizer, run.batch());
  for (std::size_t i = 0; i < before.size(); ++i)
    EXPECT_FALSE(same_bits(before[i], model->parameters()[i]->tensor)) << model->parameters()[i]->name;
}

TEST(Behaviour5, MembershipIsByIdentity) {
  const TestRun run("mlp", {"full", {}, {}});
  const auto model = run.make();
  const auto twin = run.make();  // the same names and values
  const auto optimizer = make_optimizer(run.config.train, *model);
  forward_backward(*twin, run.batch(), {}, 1.0, nullptr);
  const Snapshot before = take_snapshot(*twin);
  train_step(*model, *optimizer, run.batch());
  for (std::size_t i = 0; i < before.size(); ++i)
    EXPECT_TRUE(same_bits(before[i], twin->parameters()[i]->tensor));
  EXPECT_THROW(optimizer->state(*twin->parameters()[0]), Error);
}

TEST(Behaviour6, AThawedGroupGetsScheduleTimesMultiplierFromItsFirstStep) {
  TestRun run("mlp", request_of({make_phase(0, "head"), make_phase(5, "all", {{"layers.0", 0.25}})}));
  run.config.train.optimizer = OptimizerKind::sgd;
  run.config.train.weight_decay = 0;
  run.config.train.lr = 0.5;
  run.config.train.batch_size = 0;
  run.config.train.schedule = ScheduleKind::linear;
  const auto reference = run.make();
  const auto group_lr = [&](const Parameter& parameter) {
    return 0.5 * (12.0 - 5.0) / 12.0 * (parameter.group == 0 ? 0.25 : 1.0);
  };
  Trainer::Hooks hooks;
  hooks.progress = [&](const Moment& progress) {
    if (progress.completed == 5) {
      restore_snapshot(*reference, take_snapshot(*run.model));
      forward_backward(*reference, run.batch(), {}, 1.0, nullptr);
    }
    if (progress.completed != 6) return;
    for (std::size_t i = 0; i < reference->parameters().size(); ++i) {
      const NoGrad no_grad;
      const Parameter& parameter = *reference->parameters()[i];
      const Tensor expected = parameter.tensor - parameter.tensor.grad() * group_lr(parameter);
      const std::vector<double> wanted = expected.to_vector();
      const std::vector<double> got = run.model->parameters()[i]->tensor.to_vector();
      for (std::size_t j = 0; j < got.size(); ++j) EXPECT_NEAR(got[j], wanted[j], 1e-6) << parameter.name;
    }
  };
  run.train(hooks);
}

// Adam's first update moves every weight by about its learning rate, also where training began long before.
TEST(Behaviour6, AThawedGroupHasABiasCorrectionOfItsOwn) {
  TestRun run("mlp", request_of({make_phase(0, "head"), make_phase(9, "all", {{"layers.0", 0.5}})}));
  run.config.train.lr = 0.01;
  run.config.train.weight_decay = 0;
  Tensor before;
  Trainer::Hooks hooks;
  hooks.progress = [&](const Moment& progress) {
    const Tensor& weight = run.model->parameters()[0]->tensor;
    const NoGrad no_grad;
    if (progress.completed == 9) before = weight.clone();
    if (progress.completed == 10) {
      EXPECT_NEAR(amax(abs(weight - before)).item(), 0.005, 1e-6);
    }
  };
  run.train(hooks);
}

// What plots show is what parameters get.
TEST(Timeline, RewarmupGoesOnInLaterSegments) {
  Phase late = make_phase(10, "top:2");
  late.rewarmup = 9;
  const auto model = TestRun("mlp", {"full", {}, {}}).make();
  const ResolvedPlan plan = resolve(*model, plan_of({make_phase(0, "head"), late, make_phase(15, "all")}));
  int compared = 0;
  for (const TimelineSegment& part : timeline_data(plan))
    for (std::int64_t k = part.segment.begin; k < part.segment.end; ++k)
      for (std::size_t p = 0; p < plan.model().parameters.size(); ++p) {
        const ParameterState state = plan.state_at(k)[p];
        const TimelineCell& cell = part.groups[static_cast<std::size_t>(plan.model().parameters[p].group)];
        if (!state.trainable) continue;
        EXPECT_DOUBLE_EQ(cell.lr_mult_max * rewarmup_factor(k, cell.thawed, cell.rewarmup), state.lr_mult)
            << "update " << k;
        compared += state.lr_mult < 1;
      }
  EXPECT_EQ(compared, 2 * 2 * 9) << "weight and bias of two layers warm up over 9 updates";
}

}  // namespace
}  // namespace thaw::test
