// Rows of tokens without padding: where they stand, and that nothing comes back from padding.
#include <gtest/gtest.h>

#include <set>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/ops.h"
#include "nn/layers/attention.h"
#include "tests/support/compare.h"

namespace thaw::test {
namespace {

Tensor mask_of(const std::vector<double>& values, const Shape& shape) {
  return gt(from_vector(values, shape), full({}, 0.5));
}

TEST(Padding, SaysWhereTheTokensStand) {
  const Padding padding = padding_of(mask_of({1, 1, 0, 0, 1, 1}, {2, 3}));
  EXPECT_EQ(padding.tokens.to_vector(), (std::vector<double>{0, 1, 4, 5}));
  EXPECT_EQ(padding.rows.to_vector(), (std::vector<double>{0, 1, 0, 2, 2, 3}));
}

TEST(Padding, NeedsATokenInEveryText) {
  EXPECT_THROW(padding_of(mask_of({1, 1, 0, 0}, {2, 2})), Error);
  EXPECT_THROW(padding_of(ones({2, 2})), Error) << "not bool";
}

TEST(TokenRows, UnpackUndoesPackWhereTokensStand) {
  const Padding padding = padding_of(mask_of({1, 1, 0, 0, 1, 1}, {2, 3}));
  const TokenRows texts(2, 3, padding, kCpu);
  const Tensor x = from_vector({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, {2, 3, 2});
  const Tensor rows = texts.pack(x);
  EXPECT_EQ(rows.to_vector(), (std::vector<double>{1, 2, 3, 4, 9, 10, 11, 12}));
  EXPECT_EQ(texts.unpack(rows).to_vector(), (std::vector<double>{1, 2, 3, 4, 1, 2, 9, 10, 9, 10, 11, 12}));
  const TokenRows full(2, 3, {}, kCpu);
  EXPECT_EQ(full.pack(x).shape(), (Shape{6, 2}));
  EXPECT_EQ(full.unpack(full.pack(x)).to_vector(), x.to_vector());
}

// A token's draws are those of its text and its place, whatever is beside and behind it.
TEST(TokenRows, IdsFollowTheTextAndThePlace) {
  const RandomScope scope({0, 0, 0, from_vector({7, 3}, {2}, {DType::i64})});
  const TokenRows padded(2, 3, padding_of(mask_of({1, 1, 0, 1, 1, 1}, {2, 3})), kCpu);
  const TokenRows full(2, 3, {}, kCpu);
  const std::vector<double> all = full.random().row_ids.to_vector();
  EXPECT_EQ(padded.random().row_ids.to_vector(),
            (std::vector<double>{all[0], all[1], all[3], all[4], all[5]}));
  EXPECT_EQ(std::set<double>(all.begin(), all.end()).size(), 6U);
}

TEST(TokenRows, SelfAttentionOnRowsIsThatOnTexts) {
  MultiHeadAttention attention(4, 2, {.seed = 3});
  const Padding padding = padding_of(mask_of({1, 1, 1, 1, 1, 0}, {2, 3}));
  const TokenRows texts(2, 3, padding, kCpu);
  const auto run = [&](bool on_rows) {
    Tensor x = arange(24, {}).reshape({2, 3, 4}) * 0.1;
    x.set_requires_grad(true);
    const Tensor y = on_rows ? attention.forward(texts.pack(x), texts)
                             : texts.pack(attention.forward(x, x, x, texts.key_mask()));
    sum(square(y)).backward();
    return std::pair(y, texts.pack(x.grad()));
  };
  const auto [rows, rows_grad] = run(true);
  const auto [whole, whole_grad] = run(false);
  EXPECT_TRUE(is_close(rows, whole, {0, 1e-6}));
  // The text path also sends gradients back through padding's queries, but they are dropped: none arrive.
  EXPECT_TRUE(is_close(rows_grad, whole_grad, {1e-5, 1e-6}));
}

}  // namespace
}  // namespace thaw::test
