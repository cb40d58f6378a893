// SHA-256 (FIPS 180-4, section 6.2) of bytes that come piece by piece.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace thaw {

using Digest = std::array<std::uint32_t, 8>;
std::string hex_of(const Digest& digest);      // 64 hexadecimal digits
std::uint64_t front_of(const Digest& digest);  // its first 64 bits

class Sha256 {
 public:
  void update(const void* data, std::size_t size);
  void update(std::string_view bytes) { update(bytes.data(), bytes.size()); }
  // Of all bytes so far. More may be added afterwards.
  Digest digest() const;
  std::string hex() const { return hex_of(digest()); }

 private:
  static constexpr std::size_t kBlock = 64;
  void absorb(const unsigned char* block);

  Digest state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<unsigned char, kBlock> pending_{};  // the first size_ % kBlock bytes wait for a full block
  std::uint64_t size_ = 0;
};

std::string sha256_hex(std::string_view bytes);

}  // namespace thaw
