// LayerStatistics: what happens inside each group while a run trains, at a few moments of it: the gradient's norm, how
// large an update is beside the weights, and how far the weights have moved from where they began.
#pragma once

#include <cstdint>
#include <vector>

#include "finetune/train/listener.h"
#include "nn/module.h"

namespace thaw {

struct LayerSample {
  std::int64_t step = 0;              // after so many updates
  double loss = 0;                    // mean of the training losses since the sample before
  std::vector<double> gradient = {};  // per group: norm of the gradient; 0 where nothing trains

  // Per group, the update relative to the weights that train; 0 where nothing trains:
  //   ||update|| / ||weights||
  std::vector<double> update_ratio = {};
  // Per group, the weight distance from the start, relative to it; ||start|| of 0 counts as 1:
  //   ||weights - start|| / ||start||
  std::vector<double> weight_distance = {};
};

class LayerStatistics : public TrainListener {
 public:
  // Keeps a copy of the weights, outside the allocator whose peak is a run's. `samples`: about so many
  // moments, evenly spaced.
  LayerStatistics(const Model& model, std::int64_t total_updates, std::int64_t samples = 40);

  void before_step(const Moment& now) override;
  void after_step(const Moment& now) override;

  const std::vector<LayerSample>& samples() const { return samples_; }

 private:
  bool is_due(std::int64_t completed) const;

  std::int64_t total_, every_;
  std::vector<std::vector<float>> start_, before_;  // in the order of parameters()
  std::vector<LayerSample> samples_;
  LayerSample sample_;  // that is being taken
  double loss_sum_ = 0;
  std::int64_t losses_ = 0;
};

}  // namespace thaw
