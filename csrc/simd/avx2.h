/* avx2.h: the SIMD vocabulary (reset.h) on 256-bit registers, 16 of them, with fused multiply-add. */
#include "reset.h"

#include <immintrin.h>

#define V_OUT 4
#define V_ROWS 3
#define V_REGISTERS 16
#define V_EXP2_STEPS 1

#if REAL_IS_FLOAT

#define vec __m256
#define vmask __m256
#define V_LANES 8
#define V_EXP2_MAGIC 12582912.0f /* 1.5 * 2^23 */
#define v_load(p) _mm256_loadu_ps(p)
#define v_store(p, a) _mm256_storeu_ps(p, a)
#define v_set1(x) _mm256_set1_ps(x)
#define v_zero() _mm256_setzero_ps()
#define v_add(a, b) _mm256_add_ps(a, b)
#define v_sub(a, b) _mm256_sub_ps(a, b)
#define v_mul(a, b) _mm256_mul_ps(a, b)
#define v_div(a, b) _mm256_div_ps(a, b)
#define v_sqrt(a) _mm256_sqrt_ps(a)
#define v_max(a, b) _mm256_max_ps(a, b)
#define v_min(a, b) _mm256_min_ps(a, b)
#define v_fma(a, b, c) _mm256_fmadd_ps(a, b, c)
#define v_fnma(a, b, c) _mm256_fnmadd_ps(a, b, c)
#define v_lt(a, b) _mm256_cmp_ps(a, b, _CMP_LT_OQ)
#define v_eq(a, b) _mm256_cmp_ps(a, b, _CMP_EQ_OQ)
#define v_select(m, a, b) _mm256_blendv_ps(b, a, m)
#define v_any(m) (_mm256_movemask_ps(m) != 0)
#define v_not_all(m) (_mm256_movemask_ps(m) != 0xFF)
#define v_bits(m) ((unsigned)_mm256_movemask_ps(m))
#define v_sum(a) NAME(avx2_sum)(a)
#define v_round(a) _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)
#define v_exp2i(n) NAME(avx2_exp2_scale)(_mm256_add_ps(n, _mm256_set1_ps(V_EXP2_MAGIC)))
#define v_exponent(x) NAME(avx2_exponent)(x)
#define v_mantissa(x)                                                                       \
    _mm256_or_ps(_mm256_and_ps(x, _mm256_castsi256_ps(_mm256_set1_epi32(0x007FFFFF))), _mm256_set1_ps(1.0f))
#define v_exp2_scale(z) NAME(avx2_exp2_scale)(z)
#define v_zip_low(a, b) _mm256_permute2f128_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b), 0x20)
#define v_zip_high(a, b) _mm256_permute2f128_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b), 0x31)
#define v_rotate(a, n)                                                                                            \
    _mm256_permutevar8x32_ps(a, _mm256_add_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(n)))

static inline float NAME(avx2_sum)(__m256 a) {
    const __m128 half = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 quarter = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(quarter, _mm_shuffle_ps(quarter, quarter, 1)));
}

static inline __m256 NAME(avx2_exp2_scale)(__m256 z) {
    return _mm256_castsi256_ps(
        _mm256_add_epi32(_mm256_slli_epi32(_mm256_castps_si256(z), 23), _mm256_set1_epi32(0x3F800000)));
}

static inline __m256 NAME(avx2_exponent)(__m256 x) {
    const __m256i biased = _mm256_srli_epi32(_mm256_castps_si256(x), 23);
    return _mm256_cvtepi32_ps(_mm256_sub_epi32(biased, _mm256_set1_epi32(127)));
}

#else

#define vec __m256d
#define vmask __m256d
#define V_LANES 4
#define V_EXP2_MAGIC 6755399441055744.0 /* 1.5 * 2^52 */
#define v_load(p) _mm256_loadu_pd(p)
#define v_store(p, a) _mm256_storeu_pd(p, a)
#define v_set1(x) _mm256_set1_pd(x)
#define v_zero() _mm256_setzero_pd()
#define v_add(a, b) _mm256_add_pd(a, b)
#define v_sub(a, b) _mm256_sub_pd(a, b)
#define v_mul(a, b) _mm256_mul_pd(a, b)
#define v_div(a, b) _mm256_div_pd(a, b)
#define v_sqrt(a) _mm256_sqrt_pd(a)
#define v_max(a, b) _mm256_max_pd(a, b)
#define v_min(a, b) _mm256_min_pd(a, b)
#define v_fma(a, b, c) _mm256_fmadd_pd(a, b, c)
#define v_fnma(a, b, c) _mm256_fnmadd_pd(a, b, c)
#define v_lt(a, b) _mm256_cmp_pd(a, b, _CMP_LT_OQ)
#define v_eq(a, b) _mm256_cmp_pd(a, b, _CMP_EQ_OQ)
#define v_select(m, a, b) _mm256_blendv_pd(b, a, m)
#define v_any(m) (_mm256_movemask_pd(m) != 0)
#define v_not_all(m) (_mm256_movemask_pd(m) != 0xF)
#define v_bits(m) ((unsigned)_mm256_movemask_pd(m))
#define v_sum(a) NAME(avx2_sum)(a)
#define v_round(a) _mm256_round_pd(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)
#define v_exp2i(n) NAME(avx2_exp2_scale)(_mm256_add_pd(n, _mm256_set1_pd(V_EXP2_MAGIC)))
#define v_exponent(x) NAME(avx2_exponent)(x)
#define v_mantissa(x)                                                                                      \
    _mm256_or_pd(_mm256_and_pd(x, _mm256_castsi256_pd(_mm256_set1_epi64x(0x000FFFFFFFFFFFFF))), _mm256_set1_pd(1.0))
#define v_exp2_scale(z) NAME(avx2_exp2_scale)(z)
#define v_zip_low(a, b) _mm256_permute2f128_pd(_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b), 0x20)
#define v_zip_high(a, b) _mm256_permute2f128_pd(_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b), 0x31)
#define v_rotate(a, n)                                                                                            \
    _mm256_castps_pd(_mm256_permutevar8x32_ps(                                                                     \
        _mm256_castpd_ps(a), _mm256_add_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(2 * (n)))))

static inline double NAME(avx2_sum)(__m256d a) {
    const __m128d half = _mm_add_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd(a, 1));
    return _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half)));
}

static inline __m256d NAME(avx2_exp2_scale)(__m256d z) {
    return _mm256_castsi256_pd(
        _mm256_add_epi64(_mm256_slli_epi64(_mm256_castpd_si256(z), 52), _mm256_set1_epi64x(0x3FF0000000000000)));
}

/* The exponent field is put where a mantissa of 2^52 holds it; subtracting 2^52 + 1023 leaves its value. */
static inline __m256d NAME(avx2_exponent)(__m256d x) {
    const __m256i biased = _mm256_srli_epi64(_mm256_castpd_si256(x), 52);
    const __m256d carried = _mm256_castsi256_pd(_mm256_or_si256(biased, _mm256_set1_epi64x(0x4330000000000000)));
    return _mm256_sub_pd(carried, _mm256_set1_pd(4503599627370496.0 + 1023.0));
}

#endif
