// Tensors and shapes: factories, views, conversions, printing, storage and what it counts.
#include "core/tensor.h"

#include <gtest/gtest.h>

#include <sstream>

#include "core/autograd.h"
#include "core/ops.h"
#include "core/shape.h"
#include "tests/support/compare.h"

namespace thaw::test {
namespace {

using Numbers = std::vector<double>;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string print(const Tensor& t) {
  std::ostringstream out;
  out << t;
  return out.str();
}

// -- Shape

TEST(Shape, HoldsUpToSixSizes) {
  Shape shape = {2, 3};
  shape.push_back(4);
  shape.insert(0, 5);
  EXPECT_EQ(shape, (Shape{5, 2, 3, 4}));
  shape.erase(1);
  EXPECT_EQ(shape, (Shape{5, 3, 4}));
  EXPECT_EQ(shape.numel(), 60);
  EXPECT_EQ(shape.back(), 4);
  EXPECT_EQ(Shape{}.numel(), 1);
  EXPECT_EQ((Shape{3, 0}).numel(), 0);
  EXPECT_TRUE(contains(error_of([] { Shape{1, 1, 1, 1, 1, 1, 1}; }), "more than 6 dimensions"));
}

TEST(Shape, PrintsInBrackets) {
  EXPECT_EQ((Shape{2, 3}).str(), "[2, 3]");
  EXPECT_EQ(Shape{}.str(), "[]");
}

TEST(Shape, EqualityLooksAtRankAndSizes) {
  EXPECT_FALSE((Shape{2}) == (Shape{2, 1}));
  EXPECT_FALSE((Shape{2, 3}) == (Shape{3, 2}));
}

TEST(Shape, RowMajorStrides) {
  EXPECT_EQ(contiguous_strides({2, 3, 4}), (Strides{12, 4, 1}));
  EXPECT_EQ(contiguous_strides({}), Strides{});
}

TEST(Shape, BroadcastsByNumPysRule) {
  EXPECT_EQ(broadcast_shapes("op", {2, 1, 4}, {3, 1}), (Shape{2, 3, 4}));
  EXPECT_EQ(broadcast_shapes("op", {}, {3, 0}), (Shape{3, 0}));
  EXPECT_EQ(broadcast_shapes("op", {0, 1}, {1, 5}), (Shape{0, 5}));
  EXPECT_EQ(error_of([] {
              broadcast_shapes("op", {2, 3}, {4});
            }),
            "[op] shapes do not broadcast: a [2, 3] x b [4]");
  EXPECT_TRUE(contains(error_of([] { broadcast_shapes("op", {0}, {3}); }), "do not broadcast"));
}

TEST(Shape, NegativeDimensionsCountFromTheEnd) {
  EXPECT_EQ(normalize_dim("op", -1, {2, 3}), 1);
  EXPECT_EQ(normalize_dim("op", -1, {}), 0);
  EXPECT_EQ(error_of([] { normalize_dim("op", 2, {2, 3}); }), "[op] dimension 2 is out of range for [2, 3]");
  EXPECT_TRUE(contains(error_of([] { normalize_dim("op", -3, {2, 3}); }), "dimension -3"));
}

TEST(Shape, CountsElementsWithoutOverflow) {
  constexpr std::int64_t kBig = std::int64_t{1} << 40;
  EXPECT_EQ(checked_numel({2, 3}), 6);
  EXPECT_EQ(checked_numel({}), 1);
  EXPECT_EQ(checked_numel({kBig, kBig}), -1);
  EXPECT_EQ(checked_numel({2, -1}), -1);
}

// -- factories

TEST(Factories, FillAndConvert) {
  EXPECT_EQ(zeros({2}).to_vector(), (Numbers{0, 0}));
  EXPECT_EQ(full({2}, 1.5, {DType::f64}).to_vector(), (Numbers{1.5, 1.5}));
  EXPECT_EQ(arange(3).to_vector(), (Numbers{0, 1, 2}));
  EXPECT_EQ(arange(3).dtype(), DType::i64);
  EXPECT_EQ(from_vector({1, 2.5}, {2}, {DType::bf16}).to_vector(), (Numbers{1, 2.5}));
  EXPECT_EQ(from_vector({0, 2}, {2}, {DType::boolean}).to_vector(), (Numbers{0, 1}));
  const float floats[] = {1, 2};
  EXPECT_EQ(from_data(floats, {1, 2}).dtype(), DType::f32);
  const std::int64_t integers[] = {7, -8};
  EXPECT_EQ(from_data(integers, {2}).to_vector(), (Numbers{7, -8}));
}

TEST(Factories, RefuseShapesThatCannotBe) {
  constexpr std::int64_t kBig = std::int64_t{1} << 40;
  EXPECT_TRUE(contains(error_of([] { zeros({2, -1}); }), "[2, -1]"));
  EXPECT_TRUE(contains(error_of([] { empty({kBig, kBig}); }), "1099511627776"));
  EXPECT_TRUE(contains(error_of([] { empty({kBig, 1 << 21}); }), "1099511627776"));
  EXPECT_TRUE(contains(error_of([] { from_vector({1, 2}, {3}); }), "2 values do not fill the shape [3]"));
}

TEST(Factories, AnEmptyTensorHasNoBytes) {
  const Tensor t = zeros({0, 3});
  EXPECT_EQ(t.bytes(), 0);
  EXPECT_TRUE(t.to_vector().empty());
}

// -- handles and views

TEST(Tensor, CopiesShareAndClonesDoNot) {
  Tensor a = ones({2});
  const Tensor same = a;
  const Tensor copy = a.clone();
  kernels::fill(a, 5);
  EXPECT_TRUE(same.is_same(a));
  EXPECT_EQ(same.to_vector(), (Numbers{5, 5}));
  EXPECT_EQ(copy.to_vector(), (Numbers{1, 1}));
  EXPECT_FALSE(Tensor().defined());
}

TEST(Tensor, ViewsShareStorageAndVersion) {
  const Tensor a = from_vector({1, 2, 3, 4, 5, 6}, {2, 3});
  Tensor column = select(a, 1, 1);
  EXPECT_EQ(column.strides(), Strides{3});
  EXPECT_EQ(&column.storage(), &a.storage());
  const std::uint64_t version = a.version();
  kernels::fill(column, 0);
  EXPECT_EQ(a.to_vector(), (Numbers{1, 0, 3, 4, 0, 6}));
  EXPECT_GT(a.version(), version);
}

TEST(Tensor, ReadingDoesNotRaiseTheVersion) {
  const Tensor a = ones({2});
  const std::uint64_t version = a.version();
  a.to_vector();
  exp(a);
  EXPECT_EQ(a.data<float>()[0], 1);
  EXPECT_EQ(a.version(), version);
}

TEST(Tensor, TransposedAndPermutedReadInTheirOwnOrder) {
  const Tensor a = from_vector({1, 2, 3, 4, 5, 6}, {2, 3});
  EXPECT_EQ(a.mT().to_vector(), (Numbers{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(a.mT().shape(), (Shape{3, 2}));
  EXPECT_FALSE(a.mT().is_contiguous());
  EXPECT_TRUE(a.mT().contiguous().is_contiguous());
  EXPECT_EQ(a.reshape({1, 2, 3}).permute({2, 0, 1}).shape(), (Shape{3, 1, 2}));
}

TEST(Tensor, ReshapeIsAViewWhereStridesAllow) {
  const Tensor a = arange(6);
  EXPECT_EQ(&a.reshape({2, -1}).storage(), &a.storage());
  const Tensor turned = a.reshape({2, 3}).mT();
  const Tensor flat = turned.reshape({6});
  EXPECT_NE(&flat.storage(), &a.storage());
  EXPECT_EQ(flat.to_vector(), (Numbers{0, 3, 1, 4, 2, 5}));
}

TEST(Tensor, MovedByAnOffsetStaysContiguous) {
  const Tensor rows = slice(arange(6).reshape({3, 2}), 0, 1, 3);
  EXPECT_TRUE(rows.is_contiguous());
  EXPECT_EQ(rows.data<std::int64_t>()[0], 2);
}

TEST(Tensor, CloneAndConversionAreDifferentiable) {
  const Tensor x = ones({2}).set_requires_grad();
  sum(x.clone().to(DType::f64) * 3).backward();
  EXPECT_EQ(x.grad().dtype(), DType::f32);
  EXPECT_EQ(x.grad().to_vector(), (Numbers{3, 3}));
}

TEST(Tensor, DetachSharesDataButNotTheName) {
  const Tensor x = ones({2}).set_requires_grad().set_name("x");
  const Tensor d = x.detach();
  EXPECT_EQ(&d.storage(), &x.storage());
  EXPECT_FALSE(d.requires_grad());
  EXPECT_EQ(x.name(), "x");
  EXPECT_EQ(d.name(), "");
}

// -- values out

TEST(Tensor, ItemNeedsOneElement) {
  EXPECT_EQ(full({1, 1}, 2.5).item(), 2.5);
  EXPECT_EQ(arange(4).to_vector()[3], 3);
  EXPECT_TRUE(contains(error_of([] { ones({2}).item(); }), "[item] the tensor has 2 elements"));
  EXPECT_TRUE(contains(error_of([] { zeros({0}).item(); }), "0 elements"));
}

TEST(Tensor, ConversionsRoundAsTheDtypesDo) {
  EXPECT_EQ(full({}, 2.9).to(DType::i64).item(), 2);
  EXPECT_EQ(full({}, -2.9).to(DType::i32).item(), -2);
  EXPECT_EQ(full({}, 3).to(DType::boolean).item(), 1);
  EXPECT_EQ(full({}, 1.00390625).to(DType::bf16).item(), 1.0) << "a tie goes to the even mantissa";
  EXPECT_EQ(full({}, 1.01171875).to(DType::bf16).item(), 1.015625) << "a tie goes to the even mantissa";
  EXPECT_EQ(full({}, 200).to(DType::u8).item(), 200);
}

TEST(Tensor, PrintsDtypeShapeAndAFewValues) {
  EXPECT_EQ(print(from_vector({1, 2.5}, {2})), "f32 [2] {1, 2.5}");
  EXPECT_EQ(print(zeros({0})), "f32 [0] {}");
  EXPECT_EQ(print(Tensor()), "undefined");
  EXPECT_EQ(print(zeros({3}, {DType::f32, kMeta})), "f32 [3] (meta)");
  EXPECT_TRUE(contains(print(zeros({100})), "…}"));
}

TEST(Tensor, OfTheMetaDeviceHasShapesAndNoValues) {
  const Tensor a = ones({2, 3}, {DType::f32, kMeta});
  const Tensor y = matmul(a, a.mT());
  EXPECT_EQ(y.shape(), (Shape{2, 2}));
  EXPECT_EQ(y.device(), kMeta);
  EXPECT_TRUE(contains(error_of([&] { y.to_vector(); }), "meta device"));
  EXPECT_TRUE(contains(error_of([&] { sum(y).item(); }), "meta device"));
}

// -- storage

std::int64_t current(memory::Category category) {
  return memory::usage(kCpu).current[static_cast<std::size_t>(category)];
}

TEST(Storage, IsCountedInTheCategoryOfItsScope) {
  const std::int64_t parameters = current(memory::Category::parameter);
  const std::int64_t activations = current(memory::Category::activation);
  {
    const CategoryScope scope(memory::Category::parameter);
    const Tensor w = ones({10});
    EXPECT_EQ(current(memory::Category::parameter) - parameters, 40);
    w.storage().set_category(memory::Category::cache);
    EXPECT_EQ(current(memory::Category::parameter), parameters);
  }
  EXPECT_EQ(CategoryScope::current(), memory::Category::activation);
  const Tensor x = ones({5});
  EXPECT_EQ(current(memory::Category::activation) - activations, 20);
}

TEST(Storage, GradientsOfLeavesAreCountedAsGradients) {
  const std::int64_t before = current(memory::Category::gradient);
  const Tensor x = ones({10}).set_requires_grad();
  sum(square(x)).backward();
  EXPECT_EQ(current(memory::Category::gradient) - before, 40);
  x.clear_grad();
  EXPECT_EQ(current(memory::Category::gradient), before);
}

TEST(Storage, HeldTwiceIsSavedOnce) {
  const std::int64_t before = memory::usage(kCpu).saved;
  const Tensor x = ones({10});
  x.storage().hold();
  x.storage().hold();
  EXPECT_EQ(memory::usage(kCpu).saved - before, 40);
  x.storage().let_go();
  EXPECT_EQ(memory::usage(kCpu).saved - before, 40);
  x.storage().let_go();
  EXPECT_EQ(memory::usage(kCpu).saved, before);
}

}  // namespace
}  // namespace thaw::test
