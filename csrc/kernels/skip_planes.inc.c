/* skip_planes.inc.c: which components a row cannot have a share in, from one dot product each.
 *
 * A log-density is concave, so its tangent plane at the mean of the row's owner b bounds it from above; and it curves
 * at least c_bk = least_k / most_b times as much as the owner's (skip_curvature):
 *
 *     l_k(x) <= h_bk + g_bk . (x - mean_b) - c_bk (constant_b - l_b(x)),
 *     y = W'_k (mean_b - mean_k),   h = constant_k - |y|^2,   g = -2 W'_k' y
 *
 * Component k is left out where that is below l_b(x) - SKIP_BITS, by a margin for rounding. Others are met exactly.
 * Planes of an owner: h (K rounded up to V_LANES), then of all components g for every feature, then -c, then the scale
 * of all that: max_k |g_bk|, max_k |h_bk|, 1 + max_k c_bk, constant_b. h_bb, and h of what is no component, is -inf.
 * Before any plane: a row that is closer to its owner than a radius, r^2 = constant_b - l_b(x) < R_bk^2, has no share in
 * k by the triangle inequality: skip_radius. So components sit in the planes of an owner by growing R_bk, and only the
 * first of them are looked at.
 * Invariant: a row's survivors depend on the row and the factors alone. */

#define SKIP_BITS 58

/* Beyond that many bytes of planes nothing is skipped. */
#define PLANES_BYTES ((int64_t)16 << 20)

enum { NAME(PLANE_SCALES) = 4 };

static int64_t NAME(planes_size)(int64_t n_components, int64_t n_features) {
    return NAME(lanes)(n_components) * (2 + n_features) + NAME(lanes)(NAME(PLANE_SCALES));
}

static int NAME(planes_fit)(int64_t n_components, int64_t n_features) {
    return n_components * NAME(planes_size)(n_components, n_features) <= PLANES_BYTES / (int64_t)sizeof(REAL);
}

/* Where the scales of an owner start. */
static int64_t NAME(planes_scale)(int64_t n_components, int64_t n_features) {
    return NAME(lanes)(n_components) * (2 + n_features);
}

/* Owners that are packed together: then a line of planes is still in cache when the next component is written to it. */
enum { NAME(OWNERS) = V_ROWS * V_LANES };

/* R^2 in bits. With |W'_k (x - mean_b)| <= p r, p^2 = most_k / least_b,
 *
 *     l_k(x) <= constant_k - (|y| - p r)^2 < constant_b - r^2 - SKIP_BITS    while r < R, p R <= |y|
 *
 * squares: |y|^2, above: constant_k + SKIP_BITS - constant_b, square: p^2, top: constant_b. Less a margin for rounding. */
static double NAME(skip_radius)(int64_t n_features, double squares, double above, double square, double top) {
    const double unit = (double)(REAL_IS_FLOAT ? FLT_EPSILON : DBL_EPSILON) * (double)(4 * (n_features + 2));
    const double y = sqrt(squares), room = squares - above;
    if (!(room > 0) || !(square < INFINITY)) return 0;
    const double p = sqrt(square), root = room / (p * y + sqrt(fmax(squares + (square - 1) * above, 0)));
    const double R = fmin(root, y / p) * (1 - 0x1p-10);
    return fmax(R * R - unit * (squares + 2 * fabs(top)) / fmin(square, 1), 0);
}

/* Component k in the planes of OWNERS owners from `first` on. radius: theirs (OWNERS, K rounded up to V_LANES). delta,
 * y: (D, OWNERS) scratch. */
static void NAME(pack_component_planes)(const gmm_factors *factors, int64_t first, int64_t k, const double *least,
                                        const double *most, REAL *planes, REAL *radius, REAL *delta, REAL *y) {
    const int64_t K = factors->n_components, D = factors->n_features, padded = NAME(lanes)(K);
    const int64_t size = NAME(planes_size)(K, D), side = NAME(OWNERS), n_owners = K - first < side ? K - first : side;
    const double *W = factors->whitener + k * D * D, *own_mean = factors->mean + k * D;
    for (int64_t b = 0; b < side; ++b)
        for (int64_t j = 0; j < D; ++j)
            delta[j * side + b] = b < n_owners ? (REAL)(factors->mean[(first + b) * D + j] - own_mean[j]) : 0;
    NAME(triangle_times)(0, D, side, W, delta, y);
    NAME(triangle_times)(1, D, side, W, y, delta);
    for (int64_t o = 0; o < n_owners; ++o) {
        REAL *own = planes + (first + o) * size, *scale = own + NAME(planes_scale)(K, D);
        const double curve = least[k] / most[first + o];
        double squares = 0, slope = 0;
        for (int64_t i = 0; i < D; ++i) {
            const double g = -LOG2_E * (double)delta[i * side + o], yi = (double)y[i * side + o];
            squares += yi * yi;
            slope += g * g;
            own[(1 + i) * padded + k] = (REAL)g;
        }
        if (first + o == k) continue;
        const double h = LOG2_E * (factors->log_constant[k] - squares / 2), steep = sqrt(slope);
        const double top = LOG2_E * factors->log_constant[first + o], above = LOG2_E * factors->log_constant[k] - top;
        radius[o * padded + k] = (REAL)NAME(skip_radius)(D, LOG2_E / 2 * squares, above + SKIP_BITS,
                                                         most[k] / least[first + o], top);
        own[k] = (REAL)h;
        own[(1 + D) * padded + k] = (REAL)-curve;
        scale[0] = (REAL)fmax((double)scale[0], steep);
        scale[1] = (REAL)fmax((double)scale[1], fabs(h));
        scale[2] = (REAL)fmax((double)scale[2], 1 + curve);
        scale[3] = (REAL)top;
    }
}

/* Seats the components of one owner by growing radius (Shell's sort). planes, radius, seated: its own; line: (K). */
static void NAME(seat_components)(int64_t n_components, int64_t n_features, REAL *planes, REAL *radius, int32_t *seated,
                                  REAL *line) {
    const int64_t K = n_components, padded = NAME(lanes)(K);
    int64_t gap = 1;
    for (int64_t k = 0; k < K; ++k) seated[k] = (int32_t)k;
    while (gap < K / 3) gap = 3 * gap + 1;
    for (; gap; gap /= 3)
        for (int64_t i = gap; i < K; ++i) {
            const int32_t k = seated[i];
            int64_t seat = i;
            for (; seat >= gap && radius[k] < radius[seated[seat - gap]]; seat -= gap) seated[seat] = seated[seat - gap];
            seated[seat] = k;
        }
    for (int64_t i = 0; i < n_features + 3; ++i) {
        REAL *in = i < n_features + 2 ? planes + i * padded : radius;
        for (int64_t seat = 0; seat < K; ++seat) line[seat] = in[seated[seat]];
        memcpy(in, line, (size_t)K * sizeof *line);
    }
}

/* least, most: see curvatures. radius, seated: (K, K rounded up to V_LANES), line: (K). */
static void NAME(pack_planes)(const gmm_factors *factors, const double *least, const double *most, REAL *planes,
                              REAL *radius, int32_t *seated, REAL *line, REAL *delta, REAL *y) {
    const int64_t K = factors->n_components, D = factors->n_features, size = NAME(planes_size)(K, D);
    const int64_t padded = NAME(lanes)(K);
    for (int64_t b = 0; b < K; ++b)
        for (int64_t s = 0; s < size; ++s) planes[b * size + s] = s < padded ? (REAL)-INFINITY : 0;
    for (int64_t s = 0; s < K * padded; ++s) radius[s] = (REAL)INFINITY;
    for (int64_t b = 0; b < K; b += NAME(OWNERS))
        for (int64_t k = 0; k < K; ++k)
            if (factors->log_constant[k] > -INFINITY)
                NAME(pack_component_planes)(factors, b, k, least, most, planes, radius + b * padded, delta, y);
    for (int64_t b = 0; b < K; ++b)
        NAME(seat_components)(K, D, planes + b * size, radius + b * padded, seated + b * padded, line);
}

/* Planes of V vectors of components at rows u (V_OUT, n), n = D + 1; cut (V_OUT). Sets in bits (V_OUT), from
 * bit `at` on, those of the components that stay. */
GMM_INLINE void NAME(plane_bits)(const int V, int64_t n, const REAL *u, const REAL *planes, int64_t padded,
                                 const REAL *cut, int at, uint64_t *bits) {
    vec sum[V_OUT][V_ROWS];
    GMM_UNROLL
    for (int s = 0; s < V_OUT; ++s) {
        GMM_UNROLL
        for (int v = 0; v < V; ++v) sum[s][v] = v_load(planes + v * V_LANES);
    }
    planes += padded;
    for (int64_t j = 0; j < n; ++j, planes += padded) {
        vec g[V_ROWS];
        GMM_UNROLL
        for (int v = 0; v < V; ++v) g[v] = v_load(planes + v * V_LANES);
        GMM_UNROLL
        for (int s = 0; s < V_OUT; ++s) {
            const vec x = v_set1(u[s * n + j]);
            GMM_UNROLL
            for (int v = 0; v < V; ++v) sum[s][v] = v_fma(x, g[v], sum[s][v]);
        }
    }
    GMM_UNROLL
    for (int s = 0; s < V_OUT; ++s) {
        uint64_t stays = 0;
        GMM_UNROLL
        for (int v = 0; v < V; ++v)
            stays |= (uint64_t)(~v_bits(v_lt(sum[s][v], v_set1(cut[s]))) & ((1u << V_LANES) - 1)) << (v * V_LANES);
        bits[s] |= stays << at;
    }
}

/* Of the rows in the tile, with owner b: below which value a plane excludes its component, and constant_b - l_b(x).
 * density (rows): their log2-densities, scale: of b's planes. */
static void NAME(cut_densities)(const NAME(tile) *tile, int64_t n_features, const REAL *mean, const REAL *scale,
                                const REAL *density, REAL *cut, REAL *depth) {
    const vec unit = v_set1((REAL)(REAL_IS_FLOAT ? FLT_EPSILON : DBL_EPSILON) * (REAL)(4 * (n_features + 2)));
    const vec slope = v_set1(scale[0]), height = v_set1(scale[1]), curve = v_set1(scale[2]), top = v_set1(scale[3]);
    const vec bits = v_set1((REAL)SKIP_BITS);
    for (int64_t i = 0; i < tile->rows; i += V_LANES) {
        vec squares = v_zero();
        for (int64_t j = 0; j < n_features; ++j) {
            const vec c = v_sub(v_load(tile->column + j * tile->stride + i), v_set1(mean[j]));
            squares = v_fma(c, c, squares);
        }
        const vec l = v_load(density + i), below = v_sub(top, l), size = v_max(l, v_sub(v_zero(), l));
        const vec deep = v_add(size, v_max(top, v_sub(v_zero(), top)));
        const vec reach = v_fma(curve, deep, v_fma(v_sqrt(squares), slope, height));
        v_store(depth + i, v_max(below, v_zero()));
        v_store(cut + i, v_sub(v_sub(l, bits), v_mul(unit, reach)));
    }
}

/* Appends the numbers of the set bits to seat and the row to row, with room for 64 more. Returns how many there are
 * then. Without branches as long as they are few. */
GMM_INLINE int64_t NAME(flatten_bits)(uint64_t bits, int32_t first, int32_t row, int64_t n, int32_t *seat,
                                      int32_t *rows) {
    enum { FEW = 6 };
    int64_t found = n;
    for (int i = 0; i < FEW; ++i) rows[n + i] = row;
    GMM_UNROLL
    for (int i = 0; i < FEW; ++i) {
        seat[n + i] = first + gmm_lowest_bit(bits | (uint64_t)1 << 63);
        found += bits != 0;
        bits &= bits - 1;
    }
    for (; bits; bits &= bits - 1, ++found) {
        seat[found] = first + gmm_lowest_bit(bits);
        rows[found] = row;
    }
    return found;
}

/* Adds every row list[0 .. n) of an owner to the lists of the other components that may have a share in it. mean: the
 * owner's, planes, radius, seated: its own, cut and depth (n): see cut_densities. u: (V_OUT, D + 1) scratch.
 * lists: (K, list_stride), n_listed (K). */
static void NAME(list_survivors)(const REAL *batch, int64_t row_stride, int64_t n, const int32_t *list,
                                 const REAL *mean, int64_t n_components, int64_t n_features, const REAL *planes,
                                 const REAL *radius, const int32_t *seated, const REAL *cut, const REAL *depth, REAL *u,
                                 int32_t *lists, int64_t list_stride, int32_t *n_listed, NAME(skip_ahead) *ahead) {
    const int64_t padded = NAME(lanes)(n_components), width = n_features + 1;
    int32_t seat[V_OUT * 64 + 64], row[V_OUT * 64 + 64];
    int64_t n_near = 0, n_others = n_components;
    while (n_others && !(radius[n_others - 1] < INFINITY)) --n_others;
    for (int64_t i = 0; i < n; i += V_OUT) {
        const int64_t here = n - i < V_OUT ? n - i : V_OUT;
        REAL least[V_OUT] = {0}, deepest = 0;
        NAME(ask_ahead)(ahead, here);
        for (int64_t s = 0; s < here; ++s) deepest = depth[i + s] < deepest ? deepest : depth[i + s];
        while (n_near < n_others && !(deepest < radius[n_near])) ++n_near;
        while (n_near && deepest < radius[n_near - 1]) --n_near;
        if (!n_near) continue;
        for (int64_t s = 0; s < here; ++s) {
            const REAL *x = batch + list[i + s] * row_stride;
            for (int64_t j = 0; j < n_features; ++j) u[s * width + j] = x[j] - mean[j];
            u[s * width + n_features] = depth[i + s];
            least[s] = cut[i + s];
        }
        for (int64_t first = 0; first < n_near; first += 64) {
            const int64_t left = n_near - first, end = left < 64 ? NAME(lanes)(left) : 64;
            const uint64_t valid = left < 64 ? ((uint64_t)1 << left) - 1 : ~(uint64_t)0;
            uint64_t bits[V_OUT] = {0};
            for (int64_t at = 0, vectors; at < end; at += vectors * V_LANES) {
                vectors = (end - at) / V_LANES;
                vectors = vectors == V_ROWS || vectors > V_ROWS + 1 ? V_ROWS : vectors > 1 ? 2 : 1;
                if (vectors == V_ROWS)
                    NAME(plane_bits)(V_ROWS, width, u, planes + first + at, padded, least, (int)at, bits);
                else if (vectors == 2)
                    NAME(plane_bits)(2, width, u, planes + first + at, padded, least, (int)at, bits);
                else
                    NAME(plane_bits)(1, width, u, planes + first + at, padded, least, (int)at, bits);
            }
            int64_t n_found = 0;
            uint64_t any = 0;
            for (int64_t s = 0; s < here; ++s) any |= bits[s] & valid;
            for (int64_t s = 0; any && s < here; ++s)
                n_found = NAME(flatten_bits)(bits[s] & valid, (int32_t)first, list[i + s], n_found, seat, row);
            for (int64_t f = 0; f < n_found; ++f) {
                const int32_t k = seated[seat[f]];
                lists[k * list_stride + n_listed[k]++] = row[f];
            }
        }
    }
}
