/* reset.h: the SIMD vocabulary, undefined, so that a header can bind it again.
 *
 * vec          V_LANES values of REAL                 vmask        one truth per lane
 * v_load(p) v_store(p, a)  unaligned                  v_set1(x) v_zero()
 * v_add v_sub v_mul v_div v_sqrt v_max v_min          v_fma(a, b, c) = a*b + c    v_fnma(a, b, c) = c - a*b
 * v_lt(a, b) v_eq(a, b) -> vmask                      v_select(m, a, b) = m ? a : b    v_any(m)  v_not_all(m)
 * v_bits(m): an unsigned number, bit l is lane l
 * v_sum(a) -> REAL, a fixed tree of the lanes         v_round(a) nearest even, |a| < 2^(mantissa bits - 2)
 * v_exp2i(n) = 2^n for integral n of normal range     v_exponent(x) = floor(log2 x), v_mantissa(x) in [1, 2), x normal > 0
 * v_exp2_scale(z) = 2^(z - V_EXP2_MAGIC) for z that is V_EXP2_MAGIC plus a multiple of 1 / V_EXP2_STEPS:
 *     adding V_EXP2_MAGIC to t rounds t to such a multiple and leaves its bits at the bottom of the mantissa
 * v_rotate(a, n): lane l of the result is lane (l + n) % V_LANES of a, n a constant in [0, V_LANES)
 * v_zip_low(a, b), v_zip_high(a, b): the lower, the upper half of a0 b0 a1 b1 ...; not on one lane
 * V_OUT, V_ROWS: micro-tile of the whitening kernel, outputs by row vectors; V_OUT * V_ROWS accumulators fit the
 *     register file beside V_ROWS operands and one broadcast
 */
#undef vec
#undef vmask
#undef V_LANES
#undef V_OUT
#undef V_ROWS
#undef V_REGISTERS
#undef V_EXP2_STEPS
#undef V_EXP2_MAGIC
#undef v_load
#undef v_store
#undef v_set1
#undef v_zero
#undef v_add
#undef v_sub
#undef v_mul
#undef v_div
#undef v_sqrt
#undef v_max
#undef v_min
#undef v_fma
#undef v_fnma
#undef v_lt
#undef v_eq
#undef v_select
#undef v_any
#undef v_not_all
#undef v_bits
#undef v_sum
#undef v_round
#undef v_exp2i
#undef v_exponent
#undef v_mantissa
#undef v_exp2_scale
#undef v_rotate
#undef v_zip_low
#undef v_zip_high

