// The one op table: a row per op (or per variant of one: "sum" over a dimension, "linear" without a bias).
// Each row says how to call the op, on what, what should come out and what should be refused;
// unit_op_table.cpp and grad_op_table.cpp drive every check from it. An op of
// core/ops.h without a row, or an overload, fails.
//
// To add an op: write a row in op_table_<family>.cpp; a new family is a function declared at the end of this
// file and called in op_table.cpp. op_table_matmul.cpp shows how.
#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "core/ops.h"
#include "tests/support/arrays.h"

namespace thaw::test {

// One input of a sample. A differentiable one is made in f64 or f32, as the check needs; the others (indices,
// masks) always have their own dtype.
struct Input {
  Array value;
  DType dtype = DType::f64;
  bool differentiable = true;
};
using OpSample = std::vector<Input>;

// Generators. Every call gives new values, the same in each run of the same program. f32 represents them
// exactly.
Input normal(const Shape& shape, double scale = 1);
Input uniform(const Shape& shape, double low, double high);
Input positive(const Shape& shape);                 // in [0.5, 2.5]
Input away_from_zero(const Shape& shape);           // |x| in [0.25, 2]: for ops with a kink at 0
Input distinct(const Shape& shape);                 // shuffled; no two nearer than 0.06 (6 / n of n > 100)
Input indices(const Shape& shape, std::int64_t n);  // i64 in [0, n)
Input booleans(const Shape& shape);
Input constant(const Array& value, DType dtype);                // not differentiable
Input values(const Shape& shape, std::vector<double> numbers);  // these very numbers, differentiable

// |got - expected| <= atol + rtol * |expected|; NaN equals NaN.
struct Tolerance {
  double rtol = 0;
  double atol = 0;
};

// A call that must throw thaw::Error with `message` somewhere in its one line of text.
struct Invalid {
  std::function<Tensor()> call;
  std::string message;
};

struct OpRow {
  std::string name = {};      // as declared in core/ops.h
  std::string overload = {};  // of a name that is declared several times: "const Tensor&, double"
  std::string variant = {};   // tells rows of one op apart: lower case, digits, '_'
  std::function<Tensor(const std::vector<Tensor>&)> fn = {};
  std::function<Array(const std::vector<Array>&)> reference = {};

  // Small (at most a few dozen elements: whole Jacobians are compared), of several shapes: 0-d, size 1,
  // broadcast and empty ones among them where the op takes them. Keep away from kinks, by 1e-3 at least.
  std::vector<OpSample> samples = {};
  // Some 10^4 to 10^6 elements with odd sizes, so that vectors have tails and threads have work: compared
  // with the reference, run with several numbers of threads, and timed by bench/.
  std::function<OpSample()> large = {};
  std::vector<Invalid> invalid = {};  // two or three at least

  bool differentiable = true;    // false: recorded nowhere (comparisons, argmax)
  bool fused = false;            // the second derivative throws; otherwise it is checked
  std::string recorded_as = {};  // the graph node's name where it is not `name`: errors of fused ops have it
  // The inputs of `large` whose dimension 0 is the batch, and so is the output's: a row's bits depend on that
  // row alone. Empty: not promised.
  std::vector<int> batch_inputs = {};
  // Inputs that say how many the others hold: layouts that change their values do not fit.
  std::vector<int> counts = {};
  std::string no_empty = {};  // why no sample is empty

  Tolerance f64 = {1e-10, 1e-12};         // forward, against the reference
  Tolerance f32 = {1e-5, 1e-5};           // the same
  Tolerance f32_gradient = {1e-4, 1e-4};  // against the f64 gradient

  std::string id() const { return variant.empty() ? name : name + "_" + variant; }
  friend std::ostream& operator<<(std::ostream& out, const OpRow& row) { return out << row.id(); }
};

class OpTable {
 public:
  void add(OpRow row);
  const std::vector<OpRow>& rows() const { return rows_; }

 private:
  std::vector<OpRow> rows_;
};

const OpTable& op_table();

// The sample's tensors on a device, floating inputs in `floating`; contiguous, no gradient needed.
std::vector<Tensor> make_tensors(const OpSample& sample, DType floating, Device device = kCpu);
// What the reference gets: the sample's values, rounded to `floating` where that applies.
std::vector<Array> make_arrays(const OpSample& sample, DType floating);

void add_elementwise_ops(OpTable& table);
void add_reduce_ops(OpTable& table);
void add_view_ops(OpTable& table);
void add_index_ops(OpTable& table);
void add_matmul_ops(OpTable& table);
void add_conv_ops(OpTable& table);
void add_softmax_ops(OpTable& table);
void add_loss_ops(OpTable& table);
void add_norm_ops(OpTable& table);
void add_random_ops(OpTable& table);

}  // namespace thaw::test
