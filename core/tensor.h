// Tensor: a value-semantics handle on (storage, shape, strides, offset, dtype, device, autograd state).
// Copying a Tensor copies the handle. Views share storage. A default-constructed Tensor is undefined.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/shape.h"
#include "core/storage.h"
#include "kernels/view.h"

namespace thaw {

class Tensor;
struct Node;

struct TensorImpl {
  std::shared_ptr<Storage> storage;
  Shape shape;
  Strides strides;
  std::int64_t offset = 0;  // in elements
  DType dtype = DType::f32;
  bool requires_grad = false;               // leaves only
  std::shared_ptr<TensorImpl> grad;         // leaves only
  std::shared_ptr<Node> grad_fn;            // the op that made this tensor, when it was recorded
  std::shared_ptr<const std::string> name;  // shown by graph_dot and errors
  std::vector<std::function<Tensor(const Tensor&)>> hooks;  // leaves only
};

class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(std::shared_ptr<TensorImpl> impl) : impl_(std::move(impl)) {}

  bool defined() const { return impl_ != nullptr; }
  explicit operator bool() const { return defined(); }
  bool is_same(const Tensor& other) const { return impl_ == other.impl_; }

  const Shape& shape() const { return impl_->shape; }
  const Strides& strides() const { return impl_->strides; }
  int rank() const { return impl_->shape.rank(); }
  std::int64_t size(int dim) const { return impl_->shape[dim < 0 ? dim + rank() : dim]; }
  std::int64_t numel() const { return impl_->shape.numel(); }
  std::int64_t bytes() const { return numel() * dtype_bytes(dtype()); }
  DType dtype() const { return impl_->dtype; }
  Device device() const { return impl_->storage->device(); }
  Storage& storage() const { return *impl_->storage; }
  std::uint64_t version() const { return impl_->storage->version(); }
  bool is_contiguous() const { return layout().contiguous(); }
  Layout layout() const;

  // What kernels take. A non-const tensor becomes a writable View and its version increases (an error if a
  // gradient is being recorded for it); a const one becomes a ConstView.
  operator View();             // NOLINT(google-explicit-constructor)
  operator ConstView() const;  // NOLINT(google-explicit-constructor)

  // Element access on the CPU. The tensor must be contiguous and of dtype T. The non-const form counts as a
  // write.
  template <class T>
  T* data() {
    return static_cast<T*>(static_cast<View>(*this).data);
  }
  template <class T>
  const T* data() const {
    return static_cast<const T*>(static_cast<ConstView>(*this).data);
  }
  double item() const;                    // the one element, whatever the dtype
  std::vector<double> to_vector() const;  // all elements, row-major

  // Autograd. requires_grad is a leaf's flag; needs_grad says whether an op on this tensor would be recorded.
  bool requires_grad() const { return impl_->requires_grad; }
  Tensor& set_requires_grad(bool value = true);  // throws for a non-floating or computed tensor
  bool is_leaf() const { return impl_->grad_fn == nullptr; }
  const std::shared_ptr<Node>& grad_fn() const { return impl_->grad_fn; }
  Tensor grad() const { return Tensor(impl_->grad); }
  void set_grad(const Tensor& grad) const { impl_->grad = grad.impl_; }
  void clear_grad() const { impl_->grad.reset(); }
  // Runs when the gradient of this tensor is complete; a defined result replaces it.
  void register_hook(std::function<Tensor(const Tensor&)> hook) const;
  // Gradients of this scalar (or with `dy` of any tensor) are added to the leaves' grad().
  void backward(const Tensor& dy = {}, bool retain_graph = false, bool create_graph = false) const;

  Tensor detach() const;  // same storage, no history
  Tensor clone() const;   // a contiguous copy; differentiable
  Tensor to(DType dtype) const;

  const Tensor& set_name(std::string name) const;
  std::string name() const { return impl_->name ? *impl_->name : std::string(); }

  // View ops used everywhere; the rest is in core/ops.h.
  Tensor reshape(const Shape& shape) const;  // one size may be -1
  Tensor permute(const std::vector<int>& dims) const;
  Tensor transpose(int a, int b) const;
  Tensor mT() const { return transpose(-2, -1); }
  Tensor contiguous() const;

  const std::shared_ptr<TensorImpl>& impl() const { return impl_; }

 private:
  std::shared_ptr<TensorImpl> impl_;
};

struct Options {
  DType dtype = DType::f32;
  Device device = kCpu;
};
inline Options like(const Tensor& t) { return {t.dtype(), t.device()}; }
inline Options like(const Tensor& t, DType dtype) { return {dtype, t.device()}; }

// Factories. The storage's category is the current CategoryScope's.
Tensor empty(const Shape& shape, Options options = {});
Tensor zeros(const Shape& shape, Options options = {});
Tensor ones(const Shape& shape, Options options = {});
Tensor full(const Shape& shape, double value, Options options = {});
Tensor arange(std::int64_t n, Options options = {DType::i64});
// A copy of `values` (row-major), converted to the dtype.
Tensor from_vector(const std::vector<double>& values, const Shape& shape, Options options = {});
// A copy of n elements of type T.
Tensor from_data(const float* values, const Shape& shape);
Tensor from_data(const std::int64_t* values, const Shape& shape);

// A view on the same storage. No bounds are checked: for ops.
Tensor make_view(const Tensor& base, const Shape& shape, const Strides& strides, std::int64_t offset);

// Prints dtype, shape and at most a few dozen values.
std::ostream& operator<<(std::ostream& out, const Tensor& tensor);

}  // namespace thaw
