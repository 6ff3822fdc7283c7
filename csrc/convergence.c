/* convergence.c: when a climb may stop: gmm/convergence.py once more, term by term, where the reasons stand. */
#include "convergence.h"

#include "gmm.h"

#include <math.h>

static const double SLOWEST_TRUSTED_RATE = 0.5, CLEAR = 8, FALL_ALLOWANCE = 1e-11, ROUNDING_ULPS = 4;
static const double WORTH_KEEPING = 1e-6;
enum { LONGEST_LAG = 16 };

double gmm_rounding(double objective, double epsilon) { return ROUNDING_ULPS * epsilon * fmax(1, fabs(objective)); }

double gmm_fall_allowance(double objective, double epsilon) {
    return fmax(FALL_ALLOWANCE, 16 * gmm_rounding(objective, epsilon));
}

/* The objective's rise from trace[last] to its limit; inf where nothing can be said. */
static double gain_to_come(const double *trace, int64_t last, double noise, double slowest) {
    if (last < 2) return last == 1 && fabs(trace[1] - trace[0]) <= noise ? 0 : INFINITY;
    double worst = 0, recent = 0;
    for (int64_t lag = 1; 2 * lag <= last && (lag <= LONGEST_LAG || recent <= CLEAR * noise); lag *= 2) {
        const double middle = trace[last - lag], before = middle - trace[last - 2 * lag];
        recent = trace[last] - middle;
        if (!(recent > noise)) continue;
        if (recent >= before) return INFINITY;
        const double rate = lag <= LONGEST_LAG ? fmax(recent / before, slowest) : recent / before;
        worst = fmax(worst, recent * rate / (1 - rate));
    }
    return worst;
}

double gmm_gain_to_come(const double *trace, int64_t n_trace) {
    return gain_to_come(trace, n_trace - 1, 0, SLOWEST_TRUSTED_RATE);
}

int gmm_ends_by_rounding(double *trace, int64_t n_trace, double fallen, double tol, double noise,
                         const double *to_come) {
    noise = fmin(noise, fmax(tol, WORTH_KEEPING));
    trace[n_trace] = fallen;
    return fallen >= trace[n_trace - 1] - noise &&
           (to_come ? *to_come : gain_to_come(trace, n_trace, noise, 0)) <= fmax(tol, noise);
}

int gmm_has_converged(const double *trace, int64_t n_trace, double tol, double epsilon) {
    if (!(tol > 0) || n_trace < 1) return 0;
    const int64_t last = n_trace - 1;
    const double noise = gmm_rounding(trace[last], epsilon);
    if (gain_to_come(trace, last, noise, SLOWEST_TRUSTED_RATE) > tol) return 0;
    return trace[last] - trace[last - 1] <= noise || gain_to_come(trace, last - 1, noise, SLOWEST_TRUSTED_RATE) <= tol;
}
