// Recurrent layers with PyTorch's names, gate order and initialisation: nn.LSTM (Hochreiter & Schmidhuber 1997, with forget
// gates) and nn.GRU (Cho et al. 2014), batch first.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/init.h"
#include "nn/layers/dropout.h"
#include "nn/module.h"

namespace thaw {

struct RecurrentOptions {
  std::int64_t layers = 1;
  bool bidirectional = false;
  double dropout = 0;  // on what goes from one layer to the next
};

// A cell that a sequence runs through step by step.
//   LSTM: i, f, o = sigmoid of their parts of W_ih x + b_ih + W_hh h + b_hh, g = tanh of its;  c' = f c + i g,  h' = o tanh(c')
//   GRU:  r, z = sigmoid of theirs, n = tanh(W_in x + b_in + r (W_hn h + b_hn));  h' = (1 - z) n + z h
class Recurrent : public Module {
 public:
  enum class Cell : unsigned char { lstm, gru };

  Recurrent(Cell cell, std::int64_t in, std::int64_t hidden, const Init& init,
            const RecurrentOptions& options = {});

  struct Result {
    Tensor y;     // [B, T, directions * hidden]; 0 behind a sequence's end
    Tensor h, c;  // after each sequence's own last step: [layers * directions, B, hidden]; c of an LSTM alone
  };
  // x [B, T, in]; mask bool [B, T], true for the steps of each sequence, which stand at its front, or undefined: all. What
  // stands behind an end changes nothing, as in PyTorch's packed sequences.
  Result forward(const Tensor& x, const Tensor& mask = {});

 private:
  struct Weights {
    ParameterPtr input, hidden, input_bias, hidden_bias;  // [gates * H, in], [gates * H, H], [gates * H]
  };
  struct State {
    Tensor h, c;  // [B, H]
  };
  State step(const Tensor& projected, const State& state, const Weights& weights) const;
  // One direction of one layer; the outputs of the steps are put into `ys`.
  State run(const Tensor& x, const Tensor& mask, const Weights& weights, bool backwards,
            std::vector<Tensor>& ys) const;

  Cell cell_;
  std::int64_t hidden_;
  RecurrentOptions options_;
  std::vector<Weights> weights_;  // layer by layer, forwards before backwards
  Dropout& dropout_;
};

}  // namespace thaw
