// Dropout (Srivastava et al. 2014), inverted. Its switch is its own: freezing does not touch it.
#pragma once

#include "nn/module.h"

namespace thaw {

class Dropout : public Module {
 public:
  explicit Dropout(double p);
  Tensor forward(const Tensor& x);
  // The same where the rows of x are not the samples: row_ids i64, one for each.
  Tensor forward(const Tensor& x, const Tensor& row_ids);

  double p() const { return p_; }
  void set_p(double p);
  // Sticky: with it off, training leaves the input alone too.
  void set_active(bool active) { active_ = active; }
  bool active() const { return active_; }
  bool live() const { return training() && active_ && p_ > 0; }  // it changes what passes

 private:
  double p_;
  bool active_ = true;
};

}  // namespace thaw
