#include "core/tensor.h"

#include <algorithm>
#include <ostream>

#include "core/autograd.h"
#include "core/ops.h"
#include "kernels/kernels.h"

namespace thaw {

Layout Tensor::layout() const {
  Layout layout;
  layout.dtype = impl_->dtype;
  layout.device = device();
  layout.rank = static_cast<std::int8_t>(rank());
  for (int d = 0; d < rank(); ++d) {
    layout.size[d] = impl_->shape[d];
    layout.stride[d] = impl_->strides[d];
  }
  return layout;
}

namespace {
// Null on the meta device and for empty tensors, which no kernel reads.
void* address(const TensorImpl& impl) {
  auto* base = static_cast<std::byte*>(impl.storage->data());
  return base == nullptr ? nullptr : base + impl.offset * dtype_bytes(impl.dtype);
}
}  // namespace

Tensor::operator View() {
  if (!impl_) return {};
  if (needs_grad(*this))
    fail("[write] a tensor ", shape(), name().empty() ? "" : " '" + name() + "'",
         " that needs a gradient may not be written in place; use NoGrad or a new tensor");
  impl_->storage->bump_version();
  return {layout(), address(*impl_)};
}

Tensor::operator ConstView() const {
  if (!impl_) return {};
  return {layout(), address(*impl_)};
}

double Tensor::item() const {
  if (numel() != 1) fail("[item] the tensor has ", numel(), " elements, not one: ", shape());
  return to_vector()[0];
}

std::vector<double> Tensor::to_vector() const {
  if (device().kind == DeviceKind::meta) fail("[to_vector] a tensor of the meta device has no values");
  const NoGrad no_grad;
  Tensor copy = empty(shape(), {DType::f64, device()});
  kernels::copy(copy, *this);
  const double* values = std::as_const(copy).data<double>();
  return {values, values + numel()};
}

Tensor& Tensor::set_requires_grad(bool value) {
  if (value && !is_floating(dtype()))
    fail("[set_requires_grad] only floating tensors have gradients: ", dtype_name(dtype()));
  if (!is_leaf())
    fail("[set_requires_grad] this tensor was computed by '", impl_->grad_fn->name, "'; detach() it first");
  impl_->requires_grad = value;
  return *this;
}

void Tensor::register_hook(std::function<Tensor(const Tensor&)> hook) const {
  if (impl_->grad_fn) {
    impl_->grad_fn->hooks.push_back(std::move(hook));
  } else if (impl_->requires_grad) {
    impl_->hooks.push_back(std::move(hook));
  } else {
    fail("[register_hook] the tensor ", shape(), " has no gradient");
  }
}

void Tensor::backward(const Tensor& dy, bool retain_graph, bool create_graph) const {
  thaw::backward(*this, dy, {retain_graph, create_graph});
}

Tensor Tensor::detach() const { return make_view(*this, shape(), strides(), impl_->offset); }

Tensor Tensor::clone() const {
  Tensor y = empty(shape(), like(*this));
  kernels::copy(y, *this);
  return record("clone", y, wrt(*this, {}, [](const Tensor& dy, const Saved&) { return dy; }));
}

Tensor Tensor::to(DType dtype) const { return cast(*this, dtype); }

const Tensor& Tensor::set_name(std::string name) const {
  impl_->name = std::make_shared<const std::string>(std::move(name));
  return *this;
}

Tensor Tensor::reshape(const Shape& shape) const { return thaw::reshape(*this, shape); }
Tensor Tensor::permute(const std::vector<int>& dims) const { return thaw::permute(*this, dims); }
Tensor Tensor::transpose(int a, int b) const { return thaw::transpose(*this, a, b); }
Tensor Tensor::contiguous() const { return thaw::contiguous(*this); }

namespace {
// Throws for a negative size and where the bytes overflow 63 bits.
std::int64_t checked_bytes(const Shape& shape, DType dtype) {
  std::int64_t bytes = dtype_bytes(dtype);
  for (const std::int64_t size : shape)
    if (size < 0 || __builtin_mul_overflow(bytes, size, &bytes))
      fail("[empty] no tensor can have the shape ", shape, ": a size is negative or the bytes overflow");
  return bytes;
}
}  // namespace

Tensor empty(const Shape& shape, Options options) {
  // Checked first, because the strides of a shape that is too large would overflow.
  const std::int64_t bytes = checked_bytes(shape, options.dtype);
  auto impl = std::make_shared<TensorImpl>();
  impl->shape = shape;
  impl->strides = contiguous_strides(shape);
  impl->dtype = options.dtype;
  impl->storage = std::make_shared<Storage>(options.device, bytes, CategoryScope::current());
  return Tensor(std::move(impl));
}

Tensor full(const Shape& shape, double value, Options options) {
  Tensor y = empty(shape, options);
  kernels::fill(y, value);
  return y;
}

Tensor zeros(const Shape& shape, Options options) { return full(shape, 0, options); }
Tensor ones(const Shape& shape, Options options) { return full(shape, 1, options); }

Tensor arange(std::int64_t n, Options options) {
  Tensor y = empty({n}, options);
  kernels::arange(y, 0, 1);
  return y;
}

namespace {
template <class T>
Tensor copy_from(const T* values, const Shape& shape, DType dtype, Options options) {
  Tensor source = empty(shape, {dtype, kCpu});
  if (shape.numel() > 0) std::copy_n(values, shape.numel(), source.data<T>());
  if (options.dtype == dtype && options.device == kCpu) return source;
  Tensor y = empty(shape, options);
  kernels::copy(y, std::as_const(source));
  return y;
}
}  // namespace

Tensor from_vector(const std::vector<double>& values, const Shape& shape, Options options) {
  if (static_cast<std::int64_t>(values.size()) != shape.numel())
    fail("[from_vector] ", values.size(), " values do not fill the shape ", shape);
  return copy_from(values.data(), shape, DType::f64, options);
}

Tensor from_data(const float* values, const Shape& shape) {
  return copy_from(values, shape, DType::f32, {DType::f32});
}

Tensor from_data(const std::int64_t* values, const Shape& shape) {
  return copy_from(values, shape, DType::i64, {DType::i64});
}

Tensor make_view(const Tensor& base, const Shape& shape, const Strides& strides, std::int64_t offset) {
  auto impl = std::make_shared<TensorImpl>();
  impl->storage = base.impl()->storage;
  impl->shape = shape;
  impl->strides = strides;
  impl->offset = offset;
  impl->dtype = base.dtype();
  return Tensor(std::move(impl));
}

std::ostream& operator<<(std::ostream& out, const Tensor& tensor) {
  if (!tensor.defined()) return out << "undefined";
  out << dtype_name(tensor.dtype()) << ' ' << tensor.shape();
  if (tensor.device().kind == DeviceKind::meta) return out << " (meta)";
  constexpr std::int64_t kShown = 24;
  const std::vector<double> values = tensor.to_vector();
  out << " {";
  for (std::int64_t i = 0; i < std::min(kShown, tensor.numel()); ++i)
    out << (i ? ", " : "") << values[static_cast<std::size_t>(i)];
  return out << (tensor.numel() > kShown ? ", …}" : "}");
}

}  // namespace thaw
