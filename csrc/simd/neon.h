/* neon.h: the SIMD vocabulary (reset.h) on the 32 128-bit registers that every 64-bit ARM has. */
#include "reset.h"

#include <arm_neon.h>

#define V_OUT 8
#define V_ROWS 3
#define V_REGISTERS 32
#define V_EXP2_STEPS 1

#if REAL_IS_FLOAT

#define vec float32x4_t
#define vmask uint32x4_t
#define V_LANES 4
#define V_EXP2_MAGIC 12582912.0f /* 1.5 * 2^23 */
#define v_load(p) vld1q_f32(p)
#define v_store(p, a) vst1q_f32(p, a)
#define v_set1(x) vdupq_n_f32(x)
#define v_zero() vdupq_n_f32(0)
#define v_add(a, b) vaddq_f32(a, b)
#define v_sub(a, b) vsubq_f32(a, b)
#define v_mul(a, b) vmulq_f32(a, b)
#define v_div(a, b) vdivq_f32(a, b)
#define v_sqrt(a) vsqrtq_f32(a)
#define v_max(a, b) vmaxq_f32(a, b)
#define v_min(a, b) vminq_f32(a, b)
#define v_fma(a, b, c) vfmaq_f32(c, a, b)
#define v_fnma(a, b, c) vfmsq_f32(c, a, b)
#define v_lt(a, b) vcltq_f32(a, b)
#define v_eq(a, b) vceqq_f32(a, b)
#define v_select(m, a, b) vbslq_f32(m, a, b)
#define v_any(m) (vmaxvq_u32(m) != 0)
#define v_not_all(m) (vminvq_u32(m) == 0)
#define v_bits(m) vaddvq_u32(vandq_u32(m, (uint32x4_t){1, 2, 4, 8}))
#define v_sum(a) vaddvq_f32(a)
#define v_round(a) vrndnq_f32(a)
#define v_exponent(x) \
    vcvtq_f32_s32(vsubq_s32(vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_f32(x), 23)), vdupq_n_s32(127)))
#define v_mantissa(x)                                                                                         \
    vreinterpretq_f32_u32(vorrq_u32(vandq_u32(vreinterpretq_u32_f32(x), vdupq_n_u32(0x007FFFFF)), \
                                    vdupq_n_u32(0x3F800000)))
#define v_exp2_scale(z) \
    vreinterpretq_f32_u32(vaddq_u32(vshlq_n_u32(vreinterpretq_u32_f32(z), 23), vdupq_n_u32(0x3F800000)))
#define v_zip_low(a, b) vzip1q_f32(a, b)
#define v_zip_high(a, b) vzip2q_f32(a, b)
#define v_rotate(a, n) vreinterpretq_f32_u8(NAME(neon_rotate)(vreinterpretq_u8_f32(a), (n) * 4))

#else

#define vec float64x2_t
#define vmask uint64x2_t
#define V_LANES 2
#define V_EXP2_MAGIC 6755399441055744.0 /* 1.5 * 2^52 */
#define v_load(p) vld1q_f64(p)
#define v_store(p, a) vst1q_f64(p, a)
#define v_set1(x) vdupq_n_f64(x)
#define v_zero() vdupq_n_f64(0)
#define v_add(a, b) vaddq_f64(a, b)
#define v_sub(a, b) vsubq_f64(a, b)
#define v_mul(a, b) vmulq_f64(a, b)
#define v_div(a, b) vdivq_f64(a, b)
#define v_sqrt(a) vsqrtq_f64(a)
#define v_max(a, b) vmaxq_f64(a, b)
#define v_min(a, b) vminq_f64(a, b)
#define v_fma(a, b, c) vfmaq_f64(c, a, b)
#define v_fnma(a, b, c) vfmsq_f64(c, a, b)
#define v_lt(a, b) vcltq_f64(a, b)
#define v_eq(a, b) vceqq_f64(a, b)
#define v_select(m, a, b) vbslq_f64(m, a, b)
#define v_any(m) ((vgetq_lane_u64(m, 0) | vgetq_lane_u64(m, 1)) != 0)
#define v_not_all(m) ((vgetq_lane_u64(m, 0) & vgetq_lane_u64(m, 1)) == 0)
#define v_bits(m) ((unsigned)((vgetq_lane_u64(m, 0) & 1) | (vgetq_lane_u64(m, 1) & 2)))
#define v_sum(a) vaddvq_f64(a)
#define v_round(a) vrndnq_f64(a)
#define v_exponent(x) \
    vcvtq_f64_s64(vsubq_s64(vreinterpretq_s64_u64(vshrq_n_u64(vreinterpretq_u64_f64(x), 52)), vdupq_n_s64(1023)))
#define v_mantissa(x)                                                                                                 \
    vreinterpretq_f64_u64(vorrq_u64(vandq_u64(vreinterpretq_u64_f64(x), vdupq_n_u64(0x000FFFFFFFFFFFFF)), \
                                    vdupq_n_u64(0x3FF0000000000000)))
#define v_exp2_scale(z) \
    vreinterpretq_f64_u64(vaddq_u64(vshlq_n_u64(vreinterpretq_u64_f64(z), 52), vdupq_n_u64(0x3FF0000000000000)))
#define v_zip_low(a, b) vzip1q_f64(a, b)
#define v_zip_high(a, b) vzip2q_f64(a, b)
#define v_rotate(a, n) vreinterpretq_f64_u8(NAME(neon_rotate)(vreinterpretq_u8_f64(a), (n) * 8))

#endif

#define v_exp2i(n) v_exp2_scale(v_add(n, v_set1(V_EXP2_MAGIC)))

static inline uint8x16_t NAME(neon_rotate)(uint8x16_t bytes, int n) {
    static const uint8_t order[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return vqtbl1q_u8(bytes, vandq_u8(vaddq_u8(vld1q_u8(order), vdupq_n_u8((uint8_t)n)), vdupq_n_u8(15)));
}
