/* avx512.h: the SIMD vocabulary (reset.h) on 512-bit registers, 32 of them. */
#include "reset.h"

#include <immintrin.h>

#define V_OUT 8
#define V_ROWS 3
#define V_REGISTERS 32
#define V_EXP2_STEPS 16

#if REAL_IS_FLOAT

#define vec __m512
#define vmask __mmask16
#define V_LANES 16
#define V_EXP2_MAGIC 786432.0f /* 1.5 * 2^(23 - 4) */
#define v_load(p) _mm512_loadu_ps(p)
#define v_store(p, a) _mm512_storeu_ps(p, a)
#define v_set1(x) _mm512_set1_ps(x)
#define v_zero() _mm512_setzero_ps()
#define v_add(a, b) _mm512_add_ps(a, b)
#define v_sub(a, b) _mm512_sub_ps(a, b)
#define v_mul(a, b) _mm512_mul_ps(a, b)
#define v_div(a, b) _mm512_div_ps(a, b)
#define v_sqrt(a) _mm512_sqrt_ps(a)
#define v_max(a, b) _mm512_max_ps(a, b)
#define v_min(a, b) _mm512_min_ps(a, b)
#define v_fma(a, b, c) _mm512_fmadd_ps(a, b, c)
#define v_fnma(a, b, c) _mm512_fnmadd_ps(a, b, c)
#define v_lt(a, b) _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ)
#define v_eq(a, b) _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ)
#define v_select(m, a, b) _mm512_mask_blend_ps(m, b, a)
#define v_any(m) ((m) != 0)
#define v_not_all(m) ((m) != 0xFFFF)
#define v_bits(m) ((unsigned)(m))
#define v_sum(a) _mm512_reduce_add_ps(a)
#define v_round(a) _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)
#define v_exp2i(n) _mm512_scalef_ps(_mm512_set1_ps(1.0f), n)
#define v_exponent(x) _mm512_getexp_ps(x)
#define v_mantissa(x) _mm512_getmant_ps(x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src)
#define v_exp2_scale(z) NAME(avx512_exp2_scale)(z)
#define v_zip_low(a, b) _mm512_permutex2var_ps(a, NAME(avx512_zip)(0), b)
#define v_zip_high(a, b) _mm512_permutex2var_ps(a, NAME(avx512_zip)(8), b)
#define v_rotate(a, n)                                                                                              \
    _mm512_permutexvar_ps(_mm512_add_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), \
                                           _mm512_set1_epi32(n)), a)

static inline __m512i NAME(avx512_zip)(int from) {
    const __m512i order = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    return _mm512_add_epi32(order, _mm512_set1_epi32(from));
}

/* Entry i holds the bits of 2^(i/16) less i << 19, which shifting the rounded argument left by 19 adds back. */
static inline __m512 NAME(avx512_exp2_scale)(__m512 z) {
    const __m512i table = _mm512_setr_epi32(
        0x3f800000, 0x3f7daac3, 0x3f7b95c2, 0x3f79c3d3, 0x3f7837f0, 0x3f76f532, 0x3f75fed7, 0x3f75583f,
        0x3f7504f3, 0x3f7508a4, 0x3f75672a, 0x3f76248c, 0x3f7744fd, 0x3f78ccdf, 0x3f7ac0c7, 0x3f7d257d);
    const __m512i steps = _mm512_castps_si512(z);
    return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_permutexvar_epi32(steps, table), _mm512_slli_epi32(steps, 19)));
}

#else

#define vec __m512d
#define vmask __mmask8
#define V_LANES 8
#define V_EXP2_MAGIC 422212465065984.0 /* 1.5 * 2^(52 - 4) */
#define v_load(p) _mm512_loadu_pd(p)
#define v_store(p, a) _mm512_storeu_pd(p, a)
#define v_set1(x) _mm512_set1_pd(x)
#define v_zero() _mm512_setzero_pd()
#define v_add(a, b) _mm512_add_pd(a, b)
#define v_sub(a, b) _mm512_sub_pd(a, b)
#define v_mul(a, b) _mm512_mul_pd(a, b)
#define v_div(a, b) _mm512_div_pd(a, b)
#define v_sqrt(a) _mm512_sqrt_pd(a)
#define v_max(a, b) _mm512_max_pd(a, b)
#define v_min(a, b) _mm512_min_pd(a, b)
#define v_fma(a, b, c) _mm512_fmadd_pd(a, b, c)
#define v_fnma(a, b, c) _mm512_fnmadd_pd(a, b, c)
#define v_lt(a, b) _mm512_cmp_pd_mask(a, b, _CMP_LT_OQ)
#define v_eq(a, b) _mm512_cmp_pd_mask(a, b, _CMP_EQ_OQ)
#define v_select(m, a, b) _mm512_mask_blend_pd(m, b, a)
#define v_any(m) ((m) != 0)
#define v_not_all(m) ((m) != 0xFF)
#define v_bits(m) ((unsigned)(m))
#define v_sum(a) _mm512_reduce_add_pd(a)
#define v_round(a) _mm512_roundscale_pd(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)
#define v_exp2i(n) _mm512_scalef_pd(_mm512_set1_pd(1.0), n)
#define v_exponent(x) _mm512_getexp_pd(x)
#define v_mantissa(x) _mm512_getmant_pd(x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src)
#define v_exp2_scale(z) NAME(avx512_exp2_scale)(z)
#define v_zip_low(a, b) _mm512_permutex2var_pd(a, _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11), b)
#define v_zip_high(a, b) _mm512_permutex2var_pd(a, _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15), b)
#define v_rotate(a, n) \
    _mm512_permutexvar_pd(_mm512_add_epi64(_mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7), _mm512_set1_epi64(n)), a)

/* Entry i holds the bits of 2^(i/16) less i << 48, which shifting the rounded argument left by 48 adds back. */
static inline __m512d NAME(avx512_exp2_scale)(__m512d z) {
    const __m512i low = _mm512_setr_epi64(
        0x3ff0000000000000, 0x3fefb5586cf9890f, 0x3fef72b83c7d517b, 0x3fef387a6e756238, 0x3fef06fe0a31b715,
        0x3feedea64c123422, 0x3feebfdad5362a27, 0x3feeab07dd485429);
    const __m512i high = _mm512_setr_epi64(
        0x3feea09e667f3bcd, 0x3feea11473eb0187, 0x3feeace5422aa0db, 0x3feec49182a3f090, 0x3feee89f995ad3ad,
        0x3fef199bdd85529c, 0x3fef5818dcfba487, 0x3fefa4afa2a490da);
    const __m512i steps = _mm512_castpd_si512(z);
    return _mm512_castsi512_pd(
        _mm512_add_epi64(_mm512_permutex2var_epi64(low, steps, high), _mm512_slli_epi64(steps, 48)));
}

#endif
