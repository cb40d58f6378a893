#include "nn/layers/recurrent.h"

#include "core/error.h"
#include "core/ops.h"

namespace thaw {
namespace {

// The k-th of the gates [B, gates * H].
Tensor gate(const Tensor& all, std::int64_t k, std::int64_t hidden) {
  return slice(all, 1, k * hidden, (k + 1) * hidden);
}

}  // namespace

Recurrent::Recurrent(Cell cell, std::int64_t in, std::int64_t hidden, const Init& init,
                     const RecurrentOptions& options)
    : cell_(cell),
      hidden_(hidden),
      options_(options),
      dropout_(add_module("dropout", std::make_unique<Dropout>(options.dropout))) {
  if (in < 1 || hidden < 1 || options.layers < 1)
    fail_input("[recurrent] input ", in, ", hidden ", hidden, " and layers ", options.layers,
               " must be at least 1");
  const std::int64_t rows = (cell == Cell::lstm ? 4 : 3) * hidden;
  const int directions = options.bidirectional ? 2 : 1;
  for (std::int64_t layer = 0; layer < options.layers; ++layer)
    for (int direction = 0; direction < directions; ++direction) {
      const std::string suffix = concat("_l", layer, direction == 1 ? "_reverse" : "");
      const auto add = [&](const std::string& name, const Shape& shape, ParameterKind kind) {
        // PyTorch draws all of them from the same range, 1 / sqrt(hidden).
        return add_parameter(name + suffix, init.uniform_fan_in(shape, hidden, name + suffix), kind,
                             kind == ParameterKind::bias);
      };
      const std::int64_t width = layer == 0 ? in : directions * hidden;
      Weights weights;
      weights.input = add("weight_ih", {rows, width}, ParameterKind::weight);
      weights.hidden = add("weight_hh", {rows, hidden}, ParameterKind::weight);
      weights.input_bias = add("bias_ih", {rows}, ParameterKind::bias);
      weights.hidden_bias = add("bias_hh", {rows}, ParameterKind::bias);
      weights_.push_back(std::move(weights));
    }
}

// `projected`: W_ih x + b_ih [B, gates * H].
Recurrent::State Recurrent::step(const Tensor& projected, const State& state, const Weights& weights) const {
  const Tensor from_h = linear(state.h, weights.hidden->tensor, weights.hidden_bias->tensor);
  const auto both = [&](std::int64_t k) { return gate(projected, k, hidden_) + gate(from_h, k, hidden_); };
  if (cell_ == Cell::lstm) {
    const Tensor c = sigmoid(both(1)) * state.c + sigmoid(both(0)) * tanh(both(2));
    return {sigmoid(both(3)) * tanh(c), c};
  }
  const Tensor r = sigmoid(both(0)), z = sigmoid(both(1));
  const Tensor n = tanh(gate(projected, 2, hidden_) + r * gate(from_h, 2, hidden_));
  return {n + z * (state.h - n), {}};
}

Recurrent::State Recurrent::run(const Tensor& x, const Tensor& mask, const Weights& weights, bool backwards,
                                std::vector<Tensor>& ys) const {
  const std::int64_t samples = x.size(0), steps = x.size(1);
  const Tensor projected = linear(x, weights.input->tensor, weights.input_bias->tensor);
  const Tensor zero = full({samples, hidden_}, 0, like(x));
  State state{zero, cell_ == Cell::lstm ? zero : Tensor()};
  ys.resize(static_cast<std::size_t>(steps));
  for (std::int64_t i = 0; i < steps; ++i) {
    const std::int64_t t = backwards ? steps - 1 - i : i;
    State next = step(select(projected, 1, t), state, weights);
    Tensor& y = ys[static_cast<std::size_t>(t)];
    y = next.h;
    if (mask.defined()) {
      const Tensor stands = slice(mask, 1, t, t + 1);
      y = where(stands, next.h, zero);
      next.h = where(stands, next.h, state.h);
      if (next.c.defined()) next.c = where(stands, next.c, state.c);
    }
    state = std::move(next);
  }
  return state;
}

Recurrent::Result Recurrent::forward(const Tensor& x, const Tensor& mask) {
  const TraceScope trace(scope());
  if (x.rank() != 3 || x.size(1) < 1 || x.size(2) != weights_.front().input->tensor.size(1))
    fail("[recurrent] x is ", x.shape(), ", not [B, T, ", weights_.front().input->tensor.size(1),
         "] of at least one step");
  const std::size_t directions = options_.bidirectional ? 2 : 1;
  Tensor y = x;
  std::vector<Tensor> h, c;
  for (std::size_t first = 0; first < weights_.size(); first += directions) {
    if (first > 0) y = dropout_.forward(y);
    std::vector<Tensor> outputs;
    for (std::size_t direction = 0; direction < directions; ++direction) {
      std::vector<Tensor> ys;
      State last = run(y, mask, weights_[first + direction], direction == 1, ys);
      outputs.push_back(stack(ys, 1));
      h.push_back(last.h);
      if (last.c.defined()) c.push_back(last.c);
    }
    y = concatenate(outputs, 2);
  }
  return {y, stack(h, 0), c.empty() ? Tensor() : stack(c, 0)};
}

}  // namespace thaw
