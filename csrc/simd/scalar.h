/* scalar.h: the SIMD vocabulary (reset.h) on one lane of plain C: the oracle of the other ISAs. */
#include "reset.h"

#include <math.h>
#include <string.h>

#define vec REAL
#define vmask int
#define V_LANES 1
#define V_OUT 4
#define V_ROWS 2
#define V_REGISTERS 16
#define V_EXP2_STEPS 1

#define v_load(p) (*(p))
#define v_store(p, a) (*(p) = (a))
#define v_set1(x) (x)
#define v_zero() ((REAL)0)
#define v_add(a, b) ((a) + (b))
#define v_sub(a, b) ((a) - (b))
#define v_mul(a, b) ((a) * (b))
#define v_div(a, b) ((a) / (b))
#define v_fma(a, b, c) ((a) * (b) + (c))
#define v_fnma(a, b, c) ((c) - (a) * (b))
#define v_lt(a, b) ((a) < (b))
#define v_eq(a, b) ((a) == (b))
#define v_select(m, a, b) NAME(scalar_select)(m, a, b)
#define v_any(m) (m)
#define v_not_all(m) (!(m))
#define v_bits(m) ((m) ? 1u : 0u)
#define v_sum(a) (a)
#define v_round(a) NAME(scalar_round)(a)
#define v_max(a, b) NAME(scalar_max)(a, b)
#define v_min(a, b) NAME(scalar_min)(a, b)
#define v_exp2i(n) NAME(scalar_exp2i)(n)
#define v_exponent(x) NAME(scalar_exponent)(x)
#define v_mantissa(x) NAME(scalar_mantissa)(x)
#define v_exp2_scale(z) NAME(scalar_exp2i)((z) - V_EXP2_MAGIC)
#define v_rotate(a, n) (a)

#if REAL_IS_FLOAT
#define v_sqrt(a) sqrtf(a)
#define V_EXP2_MAGIC 12582912.0f /* 1.5 * 2^23 */
#define SCALAR_BITS int32_t
#define SCALAR_MANTISSA 23
#define SCALAR_BIAS 127
#else
#define v_sqrt(a) sqrt(a)
#define V_EXP2_MAGIC 6755399441055744.0 /* 1.5 * 2^52 */
#define SCALAR_BITS int64_t
#define SCALAR_MANTISSA 52
#define SCALAR_BIAS 1023
#endif

static inline REAL NAME(scalar_round)(REAL a) {
    const REAL rounded = a + V_EXP2_MAGIC;
    return rounded - V_EXP2_MAGIC;
}

static inline REAL NAME(scalar_select)(int m, REAL a, REAL b) { return m ? a : b; }
static inline REAL NAME(scalar_max)(REAL a, REAL b) { return a > b ? a : b; }
static inline REAL NAME(scalar_min)(REAL a, REAL b) { return a < b ? a : b; }

static inline REAL NAME(scalar_exp2i)(REAL n) {
    /* out of the normal range (the caller discards the value): any exponent, no undefined conversion */
    const REAL bounded = n > -(REAL)SCALAR_BIAS ? (n < (REAL)SCALAR_BIAS ? n : (REAL)SCALAR_BIAS) : -(REAL)SCALAR_BIAS;
    const SCALAR_BITS bits = (SCALAR_BITS)(((SCALAR_BITS)bounded + SCALAR_BIAS) * ((SCALAR_BITS)1 << SCALAR_MANTISSA));
    REAL power;
    memcpy(&power, &bits, sizeof power);
    return power;
}

static inline REAL NAME(scalar_exponent)(REAL x) {
    SCALAR_BITS bits;
    memcpy(&bits, &x, sizeof bits);
    return (REAL)((bits >> SCALAR_MANTISSA) - SCALAR_BIAS);
}

static inline REAL NAME(scalar_mantissa)(REAL x) { return x * NAME(scalar_exp2i)(-NAME(scalar_exponent)(x)); }

#undef SCALAR_BITS
#undef SCALAR_MANTISSA
#undef SCALAR_BIAS
