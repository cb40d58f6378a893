// Ops by index. Indices are i64 in [0, size). Negative ones are errors, because they hide mistakes in data.
#include "core/autograd.h"
#include "core/ops.h"

namespace thaw {
namespace {

void check_index(const char* name, const Tensor& index, std::int64_t size, Device device) {
  if (index.dtype() != DType::i64)
    fail('[', name, "] the index must be i64, not ", dtype_name(index.dtype()));
  if (!(index.device() == device)) fail('[', name, "] the index is on another device");
  if (device.kind == DeviceKind::meta) return;
  Tensor range = empty({2}, {DType::i64, device});
  kernels::index_range(range, contiguous(index));
  const std::vector<double> ends = range.to_vector();
  if (ends[0] < 0 || ends[1] >= static_cast<double>(size))
    fail('[', name, "] index ", static_cast<std::int64_t>(ends[0] < 0 ? ends[0] : ends[1]),
         " is out of range for ", size, size == 1 ? " entry" : " entries");
}

Tensor embedding_grad(const Tensor& dy, const Tensor& ids, std::int64_t entries);

// Rows of a table:
//   y[i] = table[ids[i]]
//   dtable[ids[i]] += dy[i]
Tensor embedding_unchecked(const Tensor& table, const Tensor& ids) {
  Shape shape = ids.shape();
  shape.push_back(table.size(1));
  Tensor y = empty(shape, like(table));
  kernels::gather_rows(y, contiguous(table.detach()), contiguous(ids));
  const std::int64_t entries = table.size(0);
  return record("embedding", y, wrt(table, {ids}, [entries](const Tensor& dy, const Saved& s) {
                  return embedding_grad(dy, s[0], entries);
                }));
}

// The gradient of embedding, and its own gradient from g = d(dtable):
//   dtable[ids[i]] += dy[i]
//   d(dy)[i] = g[ids[i]]
Tensor embedding_grad(const Tensor& dy, const Tensor& ids, std::int64_t entries) {
  Tensor table = zeros({entries, dy.size(-1)}, like(dy));
  kernels::scatter_add_rows(table, contiguous(dy.detach()), contiguous(ids));
  return record("embedding_grad", table,
                wrt(dy, {ids}, [](const Tensor& g, const Saved& s) { return embedding_unchecked(g, s[0]); }));
}

Tensor scatter_add_unchecked(const Tensor& x, int dim, const Tensor& index, const Tensor& src);

// Gather along one dimension:
//   y[.., i, ..] = x[.., index[.., i, ..], ..]
//   dx[.., index[.., i, ..], ..] += dy[.., i, ..]
Tensor gather_unchecked(const Tensor& x, int dim, const Tensor& index) {
  Tensor y = empty(index.shape(), like(x));
  kernels::gather(y, x, index, dim);
  const Shape shape = x.shape();
  return record("gather", y, wrt(x, {index}, [dim, shape](const Tensor& dy, const Saved& s) {
                  return scatter_add_unchecked(zeros(shape, like(dy)), dim, s[0], dy);
                }));
}

// Scatter-add along one dimension, beginning with y = x:
//   y[.., index[.., i, ..], ..] += src[.., i, ..]
//   dx = dy
//   dsrc[.., i, ..] = dy[.., index[.., i, ..], ..]
Tensor scatter_add_unchecked(const Tensor& x, int dim, const Tensor& index, const Tensor& src) {
  Tensor y = empty(x.shape(), like(x));
  kernels::copy(y, x);
  kernels::scatter_add(y, src, index, dim);
  return record(
      "scatter_add", y, wrt(x, {}, [](const Tensor& dy, const Saved&) { return dy; }),
      wrt(src, {index}, [dim](const Tensor& dy, const Saved& s) { return gather_unchecked(dy, dim, s[0]); }));
}

// Each line of the index must lie within a line of x.
void check_lines(const char* name, const Tensor& x, int dim, const Tensor& index) {
  bool fits = x.rank() == index.rank() && x.rank() > 0;
  for (int d = 0; d < x.rank() && fits; ++d) fits = d == dim || index.size(d) <= x.size(d);
  if (!fits)
    fail('[', name, "] the index ", index.shape(), " must have the rank of x ", x.shape(),
         " and be no larger besides dimension ", dim);
  check_index(name, index, x.size(dim), x.device());
}

}  // namespace

Tensor embedding(const Tensor& table, const Tensor& ids) {
  check_floating("embedding", table);
  if (table.rank() != 2) fail("[embedding] the table must be [entries, width], not ", table.shape());
  check_index("embedding", ids, table.size(0), table.device());
  return embedding_unchecked(table, ids);
}

Tensor index_select(const Tensor& x, int dim, const Tensor& index) {
  if (x.rank() == 0 || index.rank() != 1)
    fail("[index_select] needs x with dimensions and an index [n]: x ", x.shape(), ", index ", index.shape());
  dim = normalize_dim("index_select", dim, x.shape());
  check_index("index_select", index, x.size(dim), x.device());
  // Every line has the same index, by strides of 0.
  Shape shape = x.shape();
  Strides strides = x.shape();
  for (int d = 0; d < x.rank(); ++d) strides[d] = d == dim ? index.strides()[0] : 0;
  shape[dim] = index.size(0);
  return gather_unchecked(x, dim, make_view(index, shape, strides, index.impl()->offset));
}

Tensor gather(const Tensor& x, int dim, const Tensor& index) {
  dim = normalize_dim("gather", dim, x.shape());
  check_lines("gather", x, dim, index);
  return gather_unchecked(x, dim, index);
}

Tensor scatter_add(const Tensor& x, int dim, const Tensor& index, const Tensor& src) {
  check_floating("scatter_add", x);
  check_same_kind("scatter_add", {&x, &src});
  dim = normalize_dim("scatter_add", dim, x.shape());
  if (!(src.shape() == index.shape()))
    fail("[scatter_add] src ", src.shape(), " and index ", index.shape(), " must have one shape");
  check_lines("scatter_add", x, dim, index);
  return scatter_add_unchecked(x, dim, index, src);
}

// One-hot encoding:
//   y[.., c] = [c = ids[..]]
Tensor one_hot(const Tensor& ids, std::int64_t classes, DType dtype) {
  check_index("one_hot", ids, classes, ids.device());
  return cast(eq(unsqueeze(ids, -1), arange(classes, like(ids))), dtype);
}

}  // namespace thaw
