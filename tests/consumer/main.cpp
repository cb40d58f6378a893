// Uses an installed thaw as another project would: a gradient, and a frozen weight that gets none.
#include <cstdio>

#include "core/error.h"
#include "core/ops.h"
#include "finetune/preprocess/tokenizer/tokenizer.h"

int main() {
  const thaw::Tensor x = thaw::ones({4, 3});
  thaw::Tensor frozen = thaw::full({3, 5}, 0.5);
  thaw::Tensor trained = thaw::full({5, 2}, 2.0);
  trained.set_requires_grad();

  const thaw::Tensor loss = thaw::sum(thaw::matmul(thaw::matmul(x, frozen), trained));
  loss.backward();
  std::printf("consumer: loss %g, gradient of the trained weight %g, of the frozen one %s\n", loss.item(),
              thaw::sum(trained.grad()).item(), frozen.grad() ? "present" : "none");
  const bool right = loss.item() == 120 && thaw::sum(trained.grad()).item() == 60 && !frozen.grad();

  // The part that stands on a library of others' which thaw's own does not contain.
  try {
    thaw::load_tokenizer("no such folder");
    return 1;
  } catch (const thaw::InputError&) {
  }
  return right ? 0 : 1;
}
