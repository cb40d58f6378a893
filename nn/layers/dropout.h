// Dropout (Srivastava et al. 2014), inverted. It has its own switch: freezing does not change it.
#pragma once

#include "nn/module.h"

namespace thaw {

class Dropout : public Module {
 public:
  explicit Dropout(double p);
  Tensor forward(const Tensor& x);
  // The same for rows that are not samples: row_ids i64, one per row.
  Tensor forward(const Tensor& x, const Tensor& row_ids);

  double p() const { return p_; }
  void set_p(double p);
  // Persistent: when off, training leaves the input unchanged too.
  void set_active(bool active) { active_ = active; }
  bool active() const { return active_; }
  bool live() const { return training() && active_ && p_ > 0; }  // whether forward changes its input
  TrainingEffects training_effects() const override { return {.draws = active_ && p_ > 0}; }

 private:
  double p_;
  bool active_ = true;
};

}  // namespace thaw
