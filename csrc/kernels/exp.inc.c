/* exp.inc.c: 2^t for t <= 0, the only transcendental of a row and component.
 *
 *     t = n/S + f,  |f| <= 1/(2S),  2^t = 2^(n/S) (1 + f p(f)),  S = V_EXP2_STEPS
 *
 * 2^(n/S) is correctly rounded (exact for S = 1), p is the minimax polynomial of (2^f - 1)/f weighted by |f|; error of
 * the polynomial <= 7e-18 (f64), 1.9e-9 (f32), so the result errs by about 1 ulp.
 * Invariant: t below EXP2_FLOOR gives exactly 0 (600 nats in double, 70 in float): no denormals, and terms that
 * small cannot change a sum that holds a 1. t = -inf gives 0; NaN gives NaN or 0. */

#if REAL_IS_FLOAT
#define EXP2_FLOOR -101.0f
#else
#define EXP2_FLOOR -865.0
#endif

GMM_INLINE vec NAME(exp2)(vec t) {
    const vec magic = v_set1(V_EXP2_MAGIC), z = v_add(t, magic), f = v_sub(t, v_sub(z, magic));
#if REAL_IS_FLOAT && V_EXP2_STEPS == 16
    static const REAL p[] = {0.693147180033454198f, 0.240234287606529436f, 0.055505949911553406f};
#elif REAL_IS_FLOAT
    static const REAL p[] = {0.693147206203631793f,   0.240226513455138596f,   0.0555032785044598103f,
                             0.00961800392714883001f, 0.00134002523839372629f, 0.000154762917749492574f};
#elif V_EXP2_STEPS == 16
    static const REAL p[] = {0.693147180559946859,    0.2402265069591011,      0.0555041086521083318,
                             0.00961812910571904485,  0.00133338187068902939,  0.00015403814313058476};
#else
    static const REAL p[] = {0.693147180559945308,    0.240226506959101331,    0.0555041086648217413,
                             0.00961812910759336693,  0.00133335581463791478,  0.000154035304580411473,
                             0.0000152527338674368072, 1.32154348340831826e-6, 1.01780465040923823e-7,
                             7.07385749082870685e-9,  4.45738087429534624e-10};
#endif
    enum { TERMS = (int)(sizeof p / sizeof p[0]) };
    vec sum = v_set1(p[TERMS - 1]);
    GMM_UNROLL
    for (int i = TERMS - 2; i >= 0; --i) sum = v_fma(sum, f, v_set1(p[i]));
    const vec scale = v_exp2_scale(z);
    return v_select(v_lt(t, v_set1(EXP2_FLOOR)), v_zero(), v_fma(scale, v_mul(f, sum), scale));
}

#undef EXP2_FLOOR
