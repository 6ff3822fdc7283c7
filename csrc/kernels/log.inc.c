/* log.inc.c: natural logarithm of a normal positive number, once a row.
 *
 *     x = 2^e m, m in [sqrt(1/2), sqrt 2);  log m = 2 atanh s = 2 s + s^3 R(s^2),  s = (m - 1) / (m + 1)
 *
 * R is minimax; truncation <= 3e-18 (f64), 2e-9 (f32), relative to |s|: 1 to 2 ulp, log 1 = 0 exactly. */

GMM_INLINE vec NAME(log)(vec x) {
#if REAL_IS_FLOAT
    static const REAL r[] = {0.666667730561266769f, 0.399778649655469485f, 0.29864404584649063f};
    const REAL ln2_high = 0.693145751953125f, ln2_low = 1.42860682030941723e-6f;
#else
    static const REAL r[] = {0.666666666666672248, 0.399999999994784941, 0.285714287301950714, 0.222221996864945882,
                             0.181835116779339529, 0.153152952134019207, 0.147843123995256134};
    const REAL ln2_high = 0.693147180369123816490, ln2_low = 1.90821492927058770002e-10;
#endif
    enum { TERMS = (int)(sizeof r / sizeof r[0]) };
    const vec one = v_set1((REAL)1), mantissa = v_mantissa(x);
    const vmask upper = v_lt(v_set1((REAL)1.41421356237309505), mantissa);
    const vec m = v_select(upper, v_mul(mantissa, v_set1((REAL)0.5)), mantissa);
    const vec e = v_add(v_exponent(x), v_select(upper, one, v_zero()));
    const vec s = v_div(v_sub(m, one), v_add(m, one)), z = v_mul(s, s);
    vec sum = v_set1(r[TERMS - 1]);
    GMM_UNROLL
    for (int i = TERMS - 2; i >= 0; --i) sum = v_fma(sum, z, v_set1(r[i]));
    const vec low = v_fma(v_mul(s, z), sum, v_mul(e, v_set1(ln2_low)));
    return v_fma(e, v_set1(ln2_high), v_add(v_add(s, s), low));
}
