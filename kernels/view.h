// What a kernel sees of a tensor: a pointer, a dtype, a device and at most six sizes with element strides.
// A view knows no graph and owns nothing; it is plain data that a CUDA kernel can take by value.
#pragma once

#include <cstdint>

namespace thaw {

inline constexpr int kMaxRank = 6;

// DLPack's type codes: the high byte is the kind (0 int, 1 unsigned, 2 float, 4 bfloat, 6 bool), the low byte
// the number of bits.
enum class DType : std::uint16_t {
  i32 = 0x0020,
  i64 = 0x0040,
  u8 = 0x0108,
  f32 = 0x0220,
  f64 = 0x0240,
  bf16 = 0x0410,
  boolean = 0x0608,
};

constexpr std::int64_t dtype_bytes(DType dtype) { return (static_cast<int>(dtype) & 0xff) / 8; }
constexpr int dlpack_kind(DType dtype) { return static_cast<int>(dtype) >> 8; }
constexpr bool is_floating(DType dtype) { return dlpack_kind(dtype) == 2 || dlpack_kind(dtype) == 4; }
const char* dtype_name(DType dtype);  // "f32", "i64", …

// DLPack's device codes. The meta device (an extension code) has shapes but no data: kernels on it only count
// what they would cost.
enum class DeviceKind : std::uint8_t { cpu = 1, cuda = 2, meta = 12 };

struct Device {
  DeviceKind kind = DeviceKind::cpu;
  std::int8_t index = 0;
  friend constexpr bool operator==(Device, Device) = default;
};

inline constexpr Device kCpu{DeviceKind::cpu, 0};
inline constexpr Device kMeta{DeviceKind::meta, 0};

// The part of a view that does not depend on its pointer.
struct Layout {
  DType dtype = DType::f32;
  Device device;
  std::int8_t rank = 0;
  std::int64_t size[kMaxRank] = {};
  std::int64_t stride[kMaxRank] = {};  // in elements; 0 for a broadcast dimension

  constexpr std::int64_t numel() const {
    std::int64_t n = 1;
    for (int d = 0; d < rank; ++d) n *= size[d];
    return n;
  }
  // Row-major without gaps (dimensions of size 1 may have any stride).
  constexpr bool contiguous() const {
    std::int64_t expected = 1;
    for (int d = rank - 1; d >= 0; --d) {
      if (size[d] != 1 && stride[d] != expected) return false;
      expected *= size[d];
    }
    return true;
  }
  // Distinct elements in memory: what reading the view once fetches.
  constexpr std::int64_t distinct() const {
    std::int64_t n = 1;
    for (int d = 0; d < rank; ++d) n *= stride[d] == 0 && size[d] > 0 ? 1 : size[d];
    return n;
  }
};

// An optional argument of a kernel that is not given is an empty view: rank -1.
inline constexpr std::int8_t kAbsentRank = -1;
constexpr bool present(const Layout& view) { return view.rank >= 0; }

struct View : Layout {
  void* data = nullptr;
  View() { rank = kAbsentRank; }
  View(const Layout& layout, void* pointer) : Layout(layout), data(pointer) {}
  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
};

struct ConstView : Layout {
  const void* data = nullptr;
  ConstView() { rank = kAbsentRank; }
  ConstView(const Layout& layout, const void* pointer) : Layout(layout), data(pointer) {}
  ConstView(const View& view) : Layout(view), data(view.data) {}  // NOLINT(google-explicit-constructor)
  template <class T>
  const T* as() const {
    return static_cast<const T*>(data);
  }
};

}  // namespace thaw
