// Every row of the op table: values, layouts, freezing, errors, the meta device, and the same bits whatever
// the number of threads or the batch. Derivatives are checked in grad_op_table.cpp.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

#include "core/autograd.h"
#include "tests/support/arrangements.h"
#include "tests/support/compare.h"
#include "tests/support/declarations.h"
#include "tests/support/op_runs.h"

namespace thaw::test {
namespace {

class OpTableTest : public ::testing::TestWithParam<OpRow> {
 protected:
  // Calls check(sample, dtype) for all samples in f64 and f32.
  void for_each_sample(const std::function<void(const OpSample&, DType)>& check) const {
    for (const OpSample& sample : GetParam().samples)
      for (const DType dtype : {DType::f64, DType::f32}) {
        SCOPED_TRACE(describe(sample) + " computed in " + dtype_name(dtype));
        check(sample, dtype);
      }
  }
  Tolerance forward_tolerance(DType dtype) const {
    return dtype == DType::f64 ? GetParam().f64 : GetParam().f32;
  }
};

class LargeOpTest : public ::testing::TestWithParam<OpRow> {};  // rows with a large sample
class BatchOpTest : public ::testing::TestWithParam<OpRow> {};  // rows that promise batch invariance
class PlainOpTest : public ::testing::TestWithParam<OpRow> {};  // rows without a derivative

TEST_P(OpTableTest, EqualsReference) {
  const OpRow& row = GetParam();
  for_each_sample([&](const OpSample& sample, DType dtype) {
    EXPECT_TRUE(is_close(row.fn(make_tensors(sample, dtype)), row.reference(make_arrays(sample, dtype)),
                         forward_tolerance(dtype)));
  });
}

TEST_P(LargeOpTest, EqualsReference) {
  const OpRow& row = GetParam();
  const OpSample sample = row.large();
  EXPECT_TRUE(is_close(row.fn(make_tensors(sample, DType::f32)),
                       row.reference(make_arrays(sample, DType::f32)), row.f32));
}

// -- layouts

bool is_count(const OpRow& row, std::size_t input) {
  return std::find(row.counts.begin(), row.counts.end(), static_cast<int>(input)) != row.counts.end();
}

// Runs the op on arranged inputs and on contiguous copies of them: same values, same gradients, inputs
// unharmed.
void check_arranged(const OpRow& row, const std::vector<Tensor>& arranged, InputMask trainable,
                    Tolerance tolerance) {
  std::vector<Tensor> plain;
  std::vector<std::vector<double>> before;
  for (const Tensor& x : arranged) {
    plain.push_back(from_vector(x.to_vector(), x.shape(), like(x)));
    before.push_back(storage_values(x));
  }
  const Tensor dy = make_dy(row.fn(plain));
  const OpRun expected = run_op(row, plain, trainable, dy);
  const OpRun got = run_op(row, arranged, trainable, arrange(dy, Arrangement::sliced));
  EXPECT_TRUE(is_close(got.y, expected.y, tolerance));
  for (std::size_t i = 0; i < arranged.size(); ++i) {
    SCOPED_TRACE(concat("gradient of input ", i));
    ASSERT_EQ(got.gradients[i].defined(), expected.gradients[i].defined());
    if (got.gradients[i].defined()) {
      EXPECT_TRUE(is_close(got.gradients[i], expected.gradients[i], tolerance));
    }
    const Tensor now = make_view(arranged[i], {static_cast<std::int64_t>(before[i].size())}, {1}, 0);
    EXPECT_TRUE(same_bits(now, from_vector(before[i], now.shape(), like(now))))
        << "input " << i << " was written";
  }
}

TEST_P(OpTableTest, AnyLayoutGivesTheSame) {
  const OpRow& row = GetParam();
  for_each_sample([&](const OpSample& sample, DType dtype) {
    const std::vector<Tensor> inputs = make_tensors(sample, dtype);
    const InputMask all = (InputMask{1} << inputs.size()) - 1;
    std::set<InputMask> masks = {all};  // all inputs arranged, then each alone
    for (std::size_t i = 0; i < inputs.size(); ++i) masks.insert(InputMask{1} << i);
    for (const Arrangement arrangement : kArrangements)
      for (const InputMask mask : masks) {
        SCOPED_TRACE(concat(arrangement_name(arrangement), " inputs, mask ", mask));
        std::vector<Tensor> arranged = inputs;
        for (std::size_t i = 0; i < inputs.size(); ++i)
          if ((mask >> i & 1U) != 0 && !(arrangement == Arrangement::broadcast && is_count(row, i)))
            arranged[i] = arrange(inputs[i], arrangement);
        check_arranged(row, arranged, differentiable_inputs(sample),
                       dtype == DType::f64 ? Tolerance{1e-10, 1e-12} : Tolerance{1e-5, 1e-5});
      }
  });
}

// -- freezing

struct Recorded {
  std::int64_t nodes, edges, graph_bytes, counted_bytes;
};

Recorded record_op(const OpRow& row, const std::vector<Tensor>& inputs, InputMask trainable) {
  const std::int64_t before = memory::usage(inputs[0].device()).saved;
  const Tensor y = call_op(row, inputs, trainable);
  const GraphStats stats = graph_stats(y);
  return {stats.nodes, stats.edges, stats.saved_bytes, memory::usage(inputs[0].device()).saved - before};
}

void check_subset_cost(const Recorded& got, const Recorded& whole, InputMask subset) {
  const int kept = __builtin_popcount(subset);
  EXPECT_EQ(got.graph_bytes, got.counted_bytes) << "graph_stats and the allocator's count differ";
  EXPECT_LE(got.graph_bytes, whole.graph_bytes);
  EXPECT_LE(got.edges, whole.edges);
  if (whole.nodes == 1) {
    EXPECT_EQ(got.edges, kept);
  }
  if (kept == 0) {
    EXPECT_EQ(got.nodes, 0);
    EXPECT_EQ(got.counted_bytes, 0);
  }
}

TEST_P(OpTableTest, FreezingAnySubsetOfInputsSavesAndChangesNothing) {
  const OpRow& row = GetParam();
  for_each_sample([&](const OpSample& sample, DType dtype) {
    const std::vector<Tensor> inputs = make_tensors(sample, dtype);
    const InputMask all = row.differentiable ? differentiable_inputs(sample) : 0;
    const Tensor dy = make_dy(row.fn(inputs));
    const OpRun whole = run_op(row, inputs, all, dy);
    const Recorded whole_cost = record_op(row, inputs, all);
    for (InputMask subset = 0; subset <= all; ++subset) {
      if ((subset & ~all) != 0) continue;
      SCOPED_TRACE(concat("trainable inputs (bits) ", subset, " of ", all));
      check_subset_cost(record_op(row, inputs, subset), whole_cost, subset);
      const OpRun run = run_op(row, inputs, subset, dy);
      EXPECT_TRUE(same_bits(run.y, whole.y));
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        const bool kept = (subset >> i & 1U) != 0;
        EXPECT_TRUE(same_bits(run.gradients[i], kept ? whole.gradients[i] : Tensor()))
            << "gradient of input " << i;
      }
    }
  });
}

TEST_P(PlainOpTest, RecordsNothing) {
  const OpRow& row = GetParam();
  for (const OpSample& sample : row.samples) {
    const Tensor y = call_op(row, make_tensors(sample, DType::f32), differentiable_inputs(sample));
    EXPECT_FALSE(needs_grad(y));
  }
}

// -- errors

TEST_P(OpTableTest, WrongInputsAreRefusedInOneLine) {
  const std::int64_t saved_before = memory::usage(kCpu).saved;
  for (const Invalid& invalid : GetParam().invalid) {
    SCOPED_TRACE("expecting: " + invalid.message);
    const std::string message = error_of(invalid.call);
    EXPECT_NE(message.find(invalid.message), std::string::npos) << "it says: " << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    EXPECT_EQ(message.rfind('[', 0), 0U) << "no [op] in front: " << message;
  }
  EXPECT_EQ(memory::usage(kCpu).saved, saved_before);
}

// -- the meta device

TEST_P(OpTableTest, MetaDevicePredictsShapesAndSavedBytes) {
  const OpRow& row = GetParam();
  for_each_sample([&](const OpSample& sample, DType dtype) {
    const std::vector<Tensor> real = make_tensors(sample, dtype);
    const std::vector<Tensor> meta = make_tensors(sample, dtype, kMeta);
    const InputMask all = row.differentiable ? differentiable_inputs(sample) : 0;
    const Tensor expected = row.fn(real);
    const Tensor dy = make_dy(row.fn(meta));
    const OpRun run = run_op(row, meta, all, dy);
    EXPECT_EQ(run.y.device(), kMeta);
    EXPECT_EQ(run.y.shape(), expected.shape());
    EXPECT_EQ(run.y.dtype(), expected.dtype());
    const Recorded measured = record_op(row, real, all);
    const Recorded predicted = record_op(row, meta, all);
    EXPECT_EQ(predicted.nodes, measured.nodes);
    EXPECT_EQ(predicted.edges, measured.edges);
    EXPECT_EQ(predicted.graph_bytes, measured.graph_bytes);
    EXPECT_EQ(predicted.counted_bytes, measured.counted_bytes);
    for (std::size_t i = 0; i < meta.size(); ++i) {
      if (!run.gradients[i].defined()) continue;
      EXPECT_EQ(run.gradients[i].shape(), meta[i].shape());
    }
  });
}

// -- bits

class Threads {
 public:
  explicit Threads(int n) { set_num_threads(n); }
  ~Threads() { set_num_threads(0); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
};

TEST_P(LargeOpTest, ThreadsDoNotChangeBits) {
  const OpRow& row = GetParam();
  const OpSample sample = row.large();
  const std::vector<Tensor> inputs = make_tensors(sample, DType::f32);
  const InputMask all = differentiable_inputs(sample);
  const auto run_with = [&](int n) {
    const Threads threads(n);
    return run_op(row, inputs, all, make_dy(row.fn(inputs)));
  };
  const OpRun one = run_with(1);
  for (const int n : {2, 3}) {
    SCOPED_TRACE(concat(n, " threads"));
    const OpRun many = run_with(n);
    EXPECT_TRUE(same_bits(many.y, one.y));
    for (std::size_t i = 0; i < inputs.size(); ++i)
      EXPECT_TRUE(same_bits(many.gradients[i], one.gradients[i])) << "gradient of input " << i;
  }
}

// Entries [begin, begin + count) of dimension 0, copied.
Tensor rows_of(const Tensor& x, std::int64_t begin, std::int64_t count) {
  const std::vector<double> values = x.to_vector();
  const std::int64_t row = x.numel() / x.size(0);
  Shape shape = x.shape();
  shape[0] = count;
  return from_vector({values.begin() + begin * row, values.begin() + (begin + count) * row}, shape, like(x));
}

TEST_P(BatchOpTest, RowsDoNotDependOnTheBatch) {
  const OpRow& row = GetParam();
  ASSERT_TRUE(row.large) << "batch_inputs speaks of the large sample";
  const std::vector<Tensor> inputs = make_tensors(row.large(), DType::f32);
  const std::int64_t batch = inputs[static_cast<std::size_t>(row.batch_inputs[0])].size(0);
  ASSERT_GE(batch, 2);
  const Tensor whole = row.fn(inputs);
  for (const std::int64_t count : {1, 2, 3, 5, 8, 17, 64}) {
    if (count >= batch) break;
    for (const std::int64_t begin : {std::int64_t{0}, (batch - count) / 2, batch - count}) {
      SCOPED_TRACE(concat("rows ", begin, " to ", begin + count, " of ", batch));
      std::vector<Tensor> part = inputs;
      for (const int i : row.batch_inputs) {
        Tensor& x = part[static_cast<std::size_t>(i)];
        x = rows_of(x, begin, count);
      }
      EXPECT_TRUE(same_bits(row.fn(part), rows_of(whole, begin, count)));
    }
  }
}

bool is_large(const OpRow& row) { return row.large != nullptr; }
bool is_batch_invariant(const OpRow& row) { return !row.batch_inputs.empty(); }
bool is_plain(const OpRow& row) { return !row.differentiable; }

INSTANTIATE_TEST_SUITE_P(Op, OpTableTest, ::testing::ValuesIn(op_table().rows()), row_id);
INSTANTIATE_TEST_SUITE_P(Op, LargeOpTest, ::testing::ValuesIn(rows_where(is_large)), row_id);
INSTANTIATE_TEST_SUITE_P(Op, BatchOpTest, ::testing::ValuesIn(rows_where(is_batch_invariant)), row_id);
INSTANTIATE_TEST_SUITE_P(Op, PlainOpTest, ::testing::ValuesIn(rows_where(is_plain)), row_id);

// -- the table itself

// Functions of ops.h that cannot be rows, and why.
const std::map<std::string, std::string> kWithoutRow = {
    {"rand", "takes no tensors: unit_random"},
    {"randn", "takes no tensors: unit_random"},
    {"check_same_kind", "gives nothing: every row has what it refuses"},
    {"check_floating", "gives nothing: every row has what it refuses"},
    {"operator+", "add and affine: OperatorsAreTheirOps"},
    {"operator-", "sub, neg and affine: OperatorsAreTheirOps"},
    {"operator*", "mul and affine: OperatorsAreTheirOps"},
    {"operator/", "div and affine: OperatorsAreTheirOps"},
};

std::vector<Declaration> declared_ops() {
  std::ifstream header(std::string(THAW_SOURCE_DIR) + "/core/ops.h");
  return declarations_in({std::istreambuf_iterator<char>(header), {}});
}

// Of the declared functions those that no row is of: a row of a name that is overloaded says which one it
// calls.
std::vector<std::string> without_row(const std::vector<Declaration>& declared) {
  std::map<std::string, int> overloads;
  for (const Declaration& op : declared) ++overloads[op.name];
  std::vector<std::string> missing;
  for (const Declaration& op : declared) {
    const auto& rows = op_table().rows();
    const bool has_row = std::any_of(rows.begin(), rows.end(), [&](const OpRow& row) {
      return row.name == op.name && (overloads[op.name] == 1 || row.overload == op.types);
    });
    if (has_row == (kWithoutRow.count(op.name) > 0)) missing.push_back(concat(op.name, '(', op.types, ')'));
  }
  return missing;
}

TEST(OpTable, HasARowForEveryOverloadOfEveryOp) {
  const std::vector<Declaration> declared = declared_ops();
  ASSERT_GT(declared.size(), 80U) << "core/ops.h was not read";
  EXPECT_EQ(without_row(declared), std::vector<std::string>())
      << "each needs a row in tests/op_table_*.cpp; where a name is declared twice, every row of it has "
         ".overload";
  for (const OpRow& row : op_table().rows())
    EXPECT_TRUE(std::any_of(declared.begin(), declared.end(),
                            [&](const Declaration& op) {
                              return op.name == row.name &&
                                     (row.overload.empty() || row.overload == op.types);
                            }))
        << "core/ops.h declares no " << row.name << '(' << row.overload << ')';
}

// Whatever they return, wherever the line breaks.
TEST(OpTable, AnOpThatIsNewIsMissed) {
  const std::string header = R"(
      namespace thaw {
      struct Parts { Tensor first, second; Tensor sum(int n) const; };
      Tensor relu(const Tensor& x);  // Tensor in_a_comment(const Tensor& x);
      Tensor relu(const Tensor& x, double slope);
      std::vector<Tensor> unbind(const Tensor& x,
                                 const std::map<int, std::string>& names = {});
      const Parts& halves(const Tensor& x, int dim = f(1, 2));
      inline bool is_close(const Tensor& a, const Tensor& b) { return equal(a, b); }
      }  // namespace thaw
  )";
  EXPECT_EQ(
      without_row(declarations_in(header)),
      (std::vector<std::string>{"relu(const Tensor&)", "relu(const Tensor&, double)",
                                "unbind(const Tensor&, const std::map<int, std::string>&)",
                                "halves(const Tensor&, int)", "is_close(const Tensor&, const Tensor&)"}));
}

TEST(OpTable, OperatorsAreTheirOps) {
  const Tensor a = from_vector({3, 8}, {2}), b = from_vector({2, 4}, {2});
  const auto expect = [](const Tensor& got, std::vector<double> values) {
    EXPECT_EQ(got.to_vector(), values);
  };
  expect(a + b, {5, 12});
  expect(a - b, {1, 4});
  expect(a * b, {6, 32});
  expect(a / b, {1.5, 2});
  expect(-a, {-3, -8});
  expect(a + 1.0, {4, 9});
  expect(a - 1.0, {2, 7});
  expect(1.0 - a, {-2, -7});
  expect(a * 2.0, {6, 16});
  expect(2.0 * a, {6, 16});
  expect(a / 2.0, {1.5, 4});
}

bool has_empty_input(const OpSample& sample) {
  return std::any_of(sample.begin(), sample.end(), [](const Input& x) { return x.value.shape.numel() == 0; });
}

TEST(OpTable, RowsAreComplete) {
  std::set<std::string> ids;
  for (const OpRow& row : op_table().rows()) {
    SCOPED_TRACE(row.id());
    EXPECT_TRUE(ids.insert(row.id()).second) << "two rows of this name";
    EXPECT_TRUE(row.fn && row.reference);
    EXPECT_GE(row.samples.size(), 2U);
    const bool empty = std::any_of(row.samples.begin(), row.samples.end(), has_empty_input);
    EXPECT_NE(empty, !row.no_empty.empty()) << "an empty sample, or the reason why there is none";
  }
  std::map<std::string, std::size_t> refused;
  for (const OpRow& row : op_table().rows()) refused[row.name] += row.invalid.size();
  for (const auto& [name, count] : refused) EXPECT_GE(count, 2U) << name << " needs more invalid inputs";
}

}  // namespace
}  // namespace thaw::test
