/* full_monomials.inc.c: full covariances, moderate D: the moments of all components as one matrix product.
 *
 *     n += r,  first += r x,  second += r x x'    about the frame's centre; flush moves them to the component's mean
 *
 * The monomials of a row, x_i and x_i x_j, are the same for every component: they are formed once, in panels of V_ROWS
 * vectors of V_LANES monomials, rows one below the other, and a panel meets the responsibilities of V_OUT components
 * at a time. F = D / V_LANES whole vectors of features, p = D % V_LANES features left over. Vectors of monomials:
 *     whole   every whole vector by itself, then times itself rotated by 0 .. (V_LANES - 1) / 2
 *     side    x_i times whole vector J, for every i past that vector
 *     mixed   what is left: of whole vectors the pairs V_LANES / 2 apart, of the left-over features everything
 * Accumulator of a component: n (V_LANES), then its vectors of monomials. */

/* Of how many features and components this pays, and what a component's flag says. */
#ifndef FULL_MONOMIAL_FEATURES
#define FULL_MONOMIAL_FEATURES 48
#define FULL_MONOMIAL_COMPONENTS 4
enum { FULL_CENTRED = 0, FULL_AFFINE = 1, FULL_MONOMIALS = 2 };
#endif

enum { NAME(ROTATIONS) = (V_LANES + 1) / 2, NAME(APART) = V_LANES / 2 };

typedef enum { NAME(WHOLE), NAME(SIDE), NAME(MIXED) } NAME(monomial_kind);

/* One vector of monomials. WHOLE: vector of features times itself rotated, or itself (rotation -1). SIDE: feature times
 * vector. MIXED: the next V_LANES pairs. */
typedef struct {
    NAME(monomial_kind) kind;
    int64_t vector, rotation, feature;
} NAME(monomials);

/* x_i x_j, x_i (j = -1), or nothing (i = D). */
typedef struct {
    int64_t i, j;
} NAME(pair);

static int64_t NAME(whole_vectors)(int64_t D) { return D / V_LANES * (1 + NAME(ROTATIONS)); }

static int64_t NAME(side_vectors)(int64_t D) {
    const int64_t F = D / V_LANES;
    return V_LANES * (F * (F - 1) / 2) + F * (D % V_LANES);
}

static int64_t NAME(monomial_vectors)(int64_t D) {
    const int64_t p = D % V_LANES, pairs = D / V_LANES * NAME(APART) + p * (p + 3) / 2;
    const int64_t vectors = NAME(whole_vectors)(D) + NAME(side_vectors)(D) + NAME(lanes)(pairs) / V_LANES;
    return V_ROWS == 2 ? vectors + vectors % 2 : vectors;
}

static NAME(monomials) NAME(monomials_at)(int64_t D, int64_t v) {
    const int64_t whole = NAME(whole_vectors)(D), side = NAME(side_vectors)(D);
    if (v < whole)
        return (NAME(monomials)){
            .kind = NAME(WHOLE), .vector = v / (1 + NAME(ROTATIONS)), .rotation = v % (1 + NAME(ROTATIONS)) - 1};
    v -= whole;
    if (v >= side) return (NAME(monomials)){.kind = NAME(MIXED)};
    int64_t I = 1;
    for (; v >= V_LANES * I; ++I) v -= V_LANES * I;
    return (NAME(monomials)){.kind = NAME(SIDE), .vector = v % I, .feature = I * V_LANES + v / I};
}

/* The mixed pairs in order: the first one, and the one after another; after the last, i = D. */
static NAME(pair) NAME(first_pair)(int64_t D) {
    const int64_t whole = D / V_LANES * V_LANES;
    return whole > 0 && V_LANES > 1 ? (NAME(pair)){NAME(APART), 0} : (NAME(pair)){whole, -1};
}

static NAME(pair) NAME(next_pair)(int64_t D, NAME(pair) pair) {
    const int64_t whole = D / V_LANES * V_LANES;
    if (pair.i >= D) return pair;
    if (pair.i < whole) {
        const int64_t j = pair.j + 1, next = j % V_LANES < NAME(APART) ? j : j + NAME(APART);
        return next < whole ? (NAME(pair)){next + NAME(APART), next} : (NAME(pair)){whole, -1};
    }
    if (pair.j == pair.i) return (NAME(pair)){pair.i + 1, -1};
    return (NAME(pair)){pair.i, pair.j < 0 ? whole : pair.j + 1};
}

/* A vector of monomials of every row, stride REALs apart. mixed: the first mixed pair not formed yet. */
static void NAME(form_monomials)(const NAME(tile) *tile, int64_t D, int64_t v, NAME(pair) *mixed, const REAL *ones,
                                 REAL *out, int64_t stride) {
    const NAME(monomials) it = NAME(monomials_at)(D, v);
    const REAL *x = tile->row + it.vector * V_LANES;
    if (it.kind == NAME(WHOLE) && it.rotation < 0) {
        for (int64_t row = 0; row < tile->rows; ++row) v_store(out + row * stride, v_load(x + row * tile->row_stride));
    } else if (it.kind == NAME(WHOLE)) {
        for (int64_t row = 0; row < tile->rows; ++row) {
            const vec a = v_load(x + row * tile->row_stride);
            v_store(out + row * stride, v_mul(a, v_rotate(a, (int)it.rotation)));
        }
    } else if (it.kind == NAME(SIDE)) {
        const REAL *a = tile->row + it.feature;
        for (int64_t row = 0; row < tile->rows; ++row, x += tile->row_stride, a += tile->row_stride)
            v_store(out + row * stride, v_mul(v_set1(*a), v_load(x)));
    } else {
        const REAL *a[V_LANES], *b[V_LANES];
        for (int64_t l = 0; l < V_LANES; ++l, *mixed = NAME(next_pair)(D, *mixed)) {
            a[l] = mixed->i >= D ? ones : tile->column + mixed->i * tile->stride;
            b[l] = mixed->j < 0 ? ones : tile->column + mixed->j * tile->stride;
        }
        for (int64_t row = 0; row < tile->rows; row += V_LANES) {
            vec line[V_LANES];
            GMM_UNROLL
            for (int l = 0; l < V_LANES; ++l) line[l] = v_mul(v_load(a[l] + row), v_load(b[l] + row));
            NAME(transpose_lines)(line);
            GMM_UNROLL
            for (int l = 0; l < V_LANES; ++l) v_store(out + (row + l) * stride, line[l]);
        }
    }
}

/* The panel with the components whose flag is set, in groups of nearly equal size. */
GMM_INLINE void NAME(panel_moments)(const int V, const NAME(tile) *tile, int64_t n_components, int64_t n_flagged,
                                    const REAL *flag, const REAL *panel, const REAL *weight, REAL *accumulator,
                                    int64_t size, int64_t at) {
    const int64_t groups = (n_flagged + V_OUT - 1) / V_OUT, most = (n_flagged + groups - 1) / groups;
    const REAL *r[V_OUT];
    REAL *sums[V_OUT];
    int64_t held = 0;
    for (int64_t k = 0; k < n_components; ++k) {
        if (flag[k] >= FULL_MONOMIALS) {
            r[held] = weight + k * tile->stride;
            sums[held++] = accumulator + k * size;
            --n_flagged;
        }
        if (held < most && (n_flagged || !held)) continue;
        NAME(panel_group)(V, held, tile->rows, panel, V * V_LANES, r, sums, at);
        held = 0;
    }
}

static int64_t NAME(monomial_size)(int64_t n_features) { return (1 + NAME(monomial_vectors)(n_features)) * V_LANES; }

static int64_t NAME(monomial_work)(int64_t rows) { return rows * (1 + V_ROWS * V_LANES); }

/* size: of a component's accumulator. */
static void NAME(monomial_moments)(const NAME(tile) *tile, int64_t n_components, int64_t n_features, const REAL *flag,
                                   const REAL *weight, REAL *accumulator, int64_t size) {
    const int64_t vectors = NAME(monomial_vectors)(n_features);
    REAL *ones = tile->work, *panel = ones + tile->rows;
    int64_t n_flagged = 0;
    NAME(pair) mixed = NAME(first_pair)(n_features);
    for (int64_t k = 0; k < n_components; ++k) {
        if (flag[k] < FULL_MONOMIALS) continue;
        const REAL *r = weight + k * tile->stride;
        vec n = v_load(accumulator + k * size);
        for (int64_t i = 0; i < tile->rows; i += V_LANES) n = v_add(n, v_load(r + i));
        v_store(accumulator + k * size, n);
        ++n_flagged;
    }
    if (!n_flagged) return;
    for (int64_t i = 0; i < tile->rows; ++i) ones[i] = 1;
    const vec most = v_set1(ROW_LIMIT), least = v_set1(-ROW_LIMIT);
    for (int64_t j = 0; j < n_features; ++j) { /* the columns, which nothing reads after this, as the rows were packed */
        REAL *x = tile->column + j * tile->stride;
        for (int64_t i = 0; i < tile->rows; i += V_LANES) v_store(x + i, v_max(v_min(v_load(x + i), most), least));
    }
    for (int64_t v = 0, here; v < vectors; v += here) {
        const int64_t left = vectors - v;
        here = left == V_ROWS || left > V_ROWS + 1 ? V_ROWS : 2;
        for (int64_t u = 0; u < here; ++u)
            NAME(form_monomials)(tile, n_features, v + u, &mixed, ones, panel + u * V_LANES, here * V_LANES);
        if (here == V_ROWS)
            NAME(panel_moments)(V_ROWS, tile, n_components, n_flagged, flag, panel, weight, accumulator, size,
                                (1 + v) * V_LANES);
        else
            NAME(panel_moments)(2, tile, n_components, n_flagged, flag, panel, weight, accumulator, size,
                                (1 + v) * V_LANES);
    }
}

/* Sums of one component about the frame's centre -> n, first and the triangle of second about its mean, in double. */
static void NAME(monomial_flush)(int64_t D, const REAL *mean, const REAL *sum, double *partial) {
    const int64_t vectors = NAME(monomial_vectors)(D);
    double *first = partial + 1, *second = first + D;
    const double n = partial[0] = (double)v_sum(v_load(sum));
    NAME(pair) mixed = NAME(first_pair)(D);
    sum += V_LANES;
    for (int64_t v = 0; v < vectors; ++v, sum += V_LANES) {
        const NAME(monomials) it = NAME(monomials_at)(D, v);
        const int64_t base = it.vector * V_LANES;
        if (it.kind == NAME(SIDE) || it.rotation < 0) {
            double *out = it.kind == NAME(SIDE) ? second + TRIANGLE(it.feature) + base : first + base;
            for (int64_t l = 0; l < V_LANES; ++l) out[l] = (double)sum[l];
        } else if (it.kind == NAME(WHOLE)) {
            for (int64_t l = 0; l < V_LANES; ++l) {
                const int64_t one = base + l, other = base + (l + it.rotation) % V_LANES;
                second[one > other ? TRIANGLE(one) + other : TRIANGLE(other) + one] = (double)sum[l];
            }
        }
        for (int64_t l = 0; it.kind == NAME(MIXED) && l < V_LANES && mixed.i < D; ++l) {
            *(mixed.j < 0 ? first + mixed.i : second + TRIANGLE(mixed.i) + mixed.j) = (double)sum[l];
            mixed = NAME(next_pair)(D, mixed);
        }
    }
    for (int64_t i = 0; i < D; ++i, second += i) {
        const double m = (double)mean[i], about_centre = first[i];
        first[i] -= n * m;
        for (int64_t j = 0; j < i; ++j) second[j] -= about_centre * (double)mean[j] + m * first[j];
        second[i] -= (about_centre + first[i]) * m;
    }
}
