// Sixteen lanes of float32: one register with AVX-512, two with AVX2. All sums run in the same order on both, and both
// have fused multiply-add, so that both give the same bits.
#pragma once
#include <stdint.h>
#include <string.h>

enum { LANES = 16 };

typedef float Floats __attribute__((vector_size(4 * LANES)));
typedef int32_t Ints __attribute__((vector_size(4 * LANES)));
typedef uint32_t Words __attribute__((vector_size(4 * LANES)));
typedef uint64_t Longs __attribute__((vector_size(8 * LANES)));
typedef uint16_t Halves __attribute__((vector_size(2 * LANES)));

#define INLINE static inline __attribute__((always_inline))

static const Ints LANE = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

// Of `count` elements those that a vector holds which begins at `start`.
INLINE int64_t rest(int64_t count, int64_t start) { return count - start < LANES ? count - start : LANES; }

INLINE Floats all(float value) { return (Floats){} + value; }

INLINE Floats chosen(Ints condition, Floats yes, Floats no) {
  return (Floats)(((Ints)yes & condition) | ((Ints)no & ~condition));
}

// The first `n` lanes as they are, 0 in the others.
INLINE Floats first_lanes(Floats v, int64_t n) { return (Floats)((Ints)v & (LANE < (int32_t)n)); }

// Elements of a float32 or a bfloat16 array from index `i` on: `n` of them, at most LANES, and zeros.
INLINE Floats load(const void *data, int64_t i, int64_t n, int bfloat16) {
  if (bfloat16) {
    Halves halves = {};
    if (n == LANES) memcpy(&halves, (const uint16_t *)data + i, sizeof halves);
    else memcpy(&halves, (const uint16_t *)data + i, 2 * n);
    return (Floats)(__builtin_convertvector(halves, Words) << 16);
  }
  Floats v = {};
  if (n == LANES) memcpy(&v, (const float *)data + i, sizeof v);
  else memcpy(&v, (const float *)data + i, 4 * n);
  return v;
}

INLINE void store(void *data, int64_t i, int64_t n, Floats v, int bfloat16) {
  if (bfloat16) {
    // To the nearest, of two equally near ones to the even one; a NaN stays one.
    Words bits = (Words)v, rounded = bits + 0x7fff + ((bits >> 16) & 1);
    Words word = (Words)chosen(v == v, (Floats)rounded, (Floats)(bits | 0x400000)) >> 16;
    Halves halves = __builtin_convertvector(word, Halves);
    memcpy((uint16_t *)data + i, &halves, n == LANES ? sizeof halves : 2 * (size_t)n);
    return;
  }
  memcpy((float *)data + i, &v, n == LANES ? sizeof v : 4 * (size_t)n);
}

// Lanes 8 to 15 to the lower ones, then 4 to 7, and so on: a tree of four steps, whose result is in lane 0.
#define FOLDED(v, with)                                                                                \
  v = with(v, __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15)); \
  v = with(v, __builtin_shufflevector(v, v, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7));             \
  v = with(v, __builtin_shufflevector(v, v, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3));             \
  v = with(v, __builtin_shufflevector(v, v, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1))

INLINE Floats added(Floats a, Floats b) { return a + b; }

INLINE Floats greater(Floats a, Floats b) { return chosen(a > b, a, b); }

INLINE float sum_of_lanes(Floats v) {
  FOLDED(v, added);
  return v[0];
}

INLINE float greatest_lane(Floats v) {
  FOLDED(v, greater);
  return v[0];
}

// e**x to 2 units in the last place: 2**n times a polynomial in |r| <= log(2) / 2, the Taylor series to the seventh
// power, whose remainder there is below 6e-9. Below -87, where float32 nears its end, e**-87.
INLINE Floats exponential(Floats x) {
  x = chosen(x < -87.0f, all(-87.0f), chosen(x > 88.0f, all(88.0f), x));
  const float magic = 12582912.0f;  // 1.5 * 2**23: adding it rounds to an integer, which stands in the low bits
  Floats shifted = x * 1.44269504088896341f + magic, n = shifted - magic;
  // log(2) in two parts, the first of few bits, so that n times it is exact.
  Floats r = x - n * 0.693359375f - n * -2.12194440e-4f;
  Floats p = all(1.0f / 5040);
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  Words power = ((Words)shifted << 23) + (127u << 23);
  return p * (Floats)power;
}

// Phi(x) of the normal distribution; `square` is e**(-x*x/2). erfc(a) = t * P(t) * e**(-a*a) with t = 1 / (1 + 0.4 * a)
// is the form of Abramowitz & Stegun 1964, 7.1.26. P is the polynomial of degree 8 whose greatest relative error for
// 0 <= a <= 9.5 is least, 6e-8: least squares at Chebyshev's nodes in t with Lawson's weights.
INLINE Floats normal_cdf(Floats x, Floats square) {
  Floats a = (Floats)((Ints)x & 0x7fffffff) * 0.70710678118654752f;
  Floats t = 1.0f / (1.0f + 0.4f * a);
  Floats p = all(0.04026776636379575f);
  p = p * t - 0.13547238706050596f;
  p = p * t + 0.07384479195869324f;
  p = p * t + 0.0997265919025726f;
  p = p * t + 0.07151034255765093f;
  p = p * t + 0.19696217423878756f;
  p = p * t + 0.20095879724829752f;
  p = p * t + 0.22657568052638813f;
  p = p * t + 0.2256262998442575f;
  Floats upper = 0.5f * t * p * square;
  return chosen(x < 0.0f, upper, 1.0f - upper);
}

// Sixteen calls of Philox4x32 with 7 rounds (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", which
// finds 7 enough for BigCrush): counter {16 * block + lane, row, stream, 0}, key {seed[0], seed[1]}.
INLINE void philox(const int32_t seed[2], uint32_t stream, uint32_t row, uint32_t block, Words out[4]) {
  Words c0 = (Words)LANE + block * LANES, c1 = (Words){} + row, c2 = (Words){} + stream, c3 = {};
  uint32_t k0 = seed[0], k1 = seed[1];
  for (int round = 0; round < 7; round++) {
    Longs product0 = __builtin_convertvector(c0, Longs) * 0xD2511F53u;
    Longs product1 = __builtin_convertvector(c2, Longs) * 0xCD9E8D57u;
    c0 = __builtin_convertvector(product1 >> 32, Words) ^ c1 ^ k0;
    c2 = __builtin_convertvector(product0 >> 32, Words) ^ c3 ^ k1;
    c1 = __builtin_convertvector(product1, Words);
    c3 = __builtin_convertvector(product0, Words);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}
