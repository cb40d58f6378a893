#include "nn/io/sha256.h"

#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

// Names of functions and variables are the standard's.
namespace thaw {
namespace {

// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
alignas(16) constexpr std::uint32_t kRound[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

std::uint32_t big_endian_word(const unsigned char* at) {
  return std::uint32_t{at[0]} << 24 | std::uint32_t{at[1]} << 16 | std::uint32_t{at[2]} << 8 | at[3];
}

std::uint32_t sigma0(std::uint32_t x) { return std::rotr(x, 7) ^ std::rotr(x, 18) ^ (x >> 3); }
std::uint32_t sigma1(std::uint32_t x) { return std::rotr(x, 17) ^ std::rotr(x, 19) ^ (x >> 10); }
std::uint32_t big_sigma0(std::uint32_t x) { return std::rotr(x, 2) ^ std::rotr(x, 13) ^ std::rotr(x, 22); }
std::uint32_t big_sigma1(std::uint32_t x) { return std::rotr(x, 6) ^ std::rotr(x, 11) ^ std::rotr(x, 25); }
std::uint32_t choose(std::uint32_t x, std::uint32_t y, std::uint32_t z) { return (x & y) ^ (~x & z); }
std::uint32_t majority(std::uint32_t x, std::uint32_t y, std::uint32_t z) {
  return (x & y) ^ (x & z) ^ (y & z);
}

#if defined(__x86_64__)

bool has_sha_instructions() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_SHA) != 0;
}

// The same with the processor's instructions, five times as fast, which do two rounds each on the state as (a, b, e, f)
// and (c, d, g, h). Frozen weights are hashed in every run.
__attribute__((target("sha,sse4.1"))) void absorb_by_instruction(std::uint32_t* state,
                                                                 const unsigned char* block) {
  const auto load = [](const void* from) __attribute__((target("sse4.1"), always_inline)) {
    return _mm_loadu_si128(static_cast<const __m128i*>(from));
  };
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  const __m128i badc = _mm_shuffle_epi32(load(state), 0xB1);
  const __m128i efgh = _mm_shuffle_epi32(load(state + 4), 0x1B);
  const __m128i abef_before = _mm_alignr_epi8(badc, efgh, 8);
  const __m128i cdgh_before = _mm_blend_epi16(efgh, badc, 0xF0);
  __m128i abef = abef_before, cdgh = cdgh_before;
  __m128i w[4];  // the next 16 words
  for (int i = 0; i < 4; ++i) w[i] = _mm_shuffle_epi8(load(block + 16 * i), big_endian);
  for (int r = 0; r < 16; ++r) {
    const __m128i now = w[r % 4], third = w[(r + 2) % 4], last = w[(r + 3) % 4];
    const __m128i sum = _mm_add_epi32(now, load(kRound + 4 * r));
    cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
    abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0E));
    const __m128i part =
        _mm_add_epi32(_mm_sha256msg1_epu32(now, w[(r + 1) % 4]), _mm_alignr_epi8(last, third, 4));
    w[r % 4] = _mm_sha256msg2_epu32(part, last);
  }
  abef = _mm_add_epi32(abef, abef_before);
  cdgh = _mm_add_epi32(cdgh, cdgh_before);
  const __m128i feba = _mm_shuffle_epi32(abef, 0x1B), dchg = _mm_shuffle_epi32(cdgh, 0xB1);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(state), _mm_blend_epi16(feba, dchg, 0xF0));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

#endif

}  // namespace

void Sha256::absorb(const unsigned char* block) {
#if defined(__x86_64__)
  static const bool has_instructions = has_sha_instructions();
  if (has_instructions) return absorb_by_instruction(state_.data(), block);
#endif
  std::uint32_t w[64];
  for (int t = 0; t < 16; ++t) w[t] = big_endian_word(block + 4 * t);
  for (int t = 16; t < 64; ++t) w[t] = sigma1(w[t - 2]) + w[t - 7] + sigma0(w[t - 15]) + w[t - 16];

  auto [a, b, c, d, e, f, g, h] = state_;
  for (int t = 0; t < 64; ++t) {
    const std::uint32_t t1 = h + big_sigma1(e) + choose(e, f, g) + kRound[t] + w[t];
    const std::uint32_t t2 = big_sigma0(a) + majority(a, b, c);
    h = g;
    g = f;
    f = e;
    e = d + t1;
    d = c;
    c = b;
    b = a;
    a = t1 + t2;
  }
  const std::uint32_t sum[8] = {a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < 8; ++i) state_[i] += sum[i];
}

void Sha256::update(const void* data, std::size_t size) {
  if (size == 0) return;
  const auto* from = static_cast<const unsigned char*>(data);
  const std::size_t waiting = size_ % kBlock;
  size_ += size;
  if (waiting > 0) {
    const std::size_t taken = size < kBlock - waiting ? size : kBlock - waiting;
    std::memcpy(pending_.data() + waiting, from, taken);
    from += taken;
    size -= taken;
    if (waiting + taken < kBlock) return;
    absorb(pending_.data());
  }
  for (; size >= kBlock; from += kBlock, size -= kBlock) absorb(from);
  if (size > 0) std::memcpy(pending_.data(), from, size);
}

Digest Sha256::digest() const {
  // Padding: a one bit, zeros, and the length in bits as 64 big-endian bits at the end of a block.
  Sha256 padded = *this;
  const unsigned char one = 0x80;
  const unsigned char zero = 0;
  padded.update(&one, 1);
  while (padded.size_ % kBlock != kBlock - 8) padded.update(&zero, 1);
  unsigned char bits[8];
  for (int i = 0; i < 8; ++i) bits[i] = static_cast<unsigned char>(size_ * 8 >> (56 - 8 * i));
  padded.update(bits, sizeof bits);
  return padded.state_;
}

std::string hex_of(const Digest& digest) {
  std::string digits;
  for (const std::uint32_t word : digest)
    for (int shift = 28; shift >= 0; shift -= 4) digits += "0123456789abcdef"[word >> shift & 15];
  return digits;
}

std::uint64_t front_of(const Digest& digest) { return std::uint64_t{digest[0]} << 32 | digest[1]; }

std::string sha256_hex(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.hex();
}

}  // namespace thaw
