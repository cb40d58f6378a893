// Names of the dtypes.
#include "kernels/view.h"

namespace thaw {

const char* dtype_name(DType dtype) {
  switch (dtype) {
    case DType::i32:
      return "i32";
    case DType::i64:
      return "i64";
    case DType::u8:
      return "u8";
    case DType::f32:
      return "f32";
    case DType::f64:
      return "f64";
    case DType::bf16:
      return "bf16";
    case DType::boolean:
      return "bool";
  }
  return "unknown";
}

}  // namespace thaw
