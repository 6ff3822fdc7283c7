"""Binding of the C core (csrc/gmm.h): arrays in, one call, errors out.

Rows X may be any 2-D buffer of float32 or float64 in native byte order: strided, reversed, misaligned or read-only, and
are never copied. Every other array is C-contiguous float64 (labels int64) of the shape given in _native.pyi.

The core runs without the GIL. In calls with n_threads it asks back between blocks of BLOCK_ROWS rows, so that a Ctrl-C
is answered; what was to be written is then unspecified.
"""

from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_FULL_RO, PyBUF_WRITABLE
from cpython.buffer cimport PyBuffer_Release, PyObject_GetBuffer
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, malloc

import os
import sys

BLOCK_ROWS = GMM_BLOCK_ROWS
RUN_ROWS = GMM_RUN_ROWS

cdef enum:
    MAX_VIEWS = 20                # accumulate_missing, the call with most arrays, has nineteen

cdef char OWN_ORDER = b"<" if sys.byteorder == "little" else b">"


cdef class Call:
    """One call of the core: the arrays it borrows, and its scratch."""

    cdef Py_buffer views[MAX_VIEWS]
    cdef int n_views, n_threads
    cdef gmm_rows rows
    cdef gmm_factors factors
    cdef double log_noise         # what factors points to
    cdef int64_t bad_row
    cdef object raised            # by a signal's handler
    cdef void *scratch
    cdef size_t scratch_bytes

    def __dealloc__(self):
        cdef int i
        for i in range(self.n_views):
            PyBuffer_Release(&self.views[i])
        free(self.scratch)

    cdef Py_buffer *borrow(self, array, str name, int flags) except NULL:
        cdef Py_buffer *view = &self.views[self.n_views]
        try:
            PyObject_GetBuffer(array, view, flags)
        except (BufferError, TypeError, ValueError) as error:
            raise TypeError(f"{name}: {error}") from None
        self.n_views += 1
        return view

    cdef void *array(self, array, str name, char kind, bint writable, int64_t n0, int64_t n1=-1,
                     int64_t n2=-1) except? NULL:
        """Data of a C-contiguous array of the given shape, or NULL of None."""
        if array is None:
            return NULL
        cdef Py_buffer *view = self.borrow(
            array, name, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS | (PyBUF_WRITABLE if writable else 0))
        if element_kind(view) != kind:
            raise TypeError(f"{name}: expected elements of type {chr(kind)!r}, got {view.format.decode()!r}")
        cdef int64_t *shape = [n0, n1, n2]
        cdef int ndim = 1 + (n1 >= 0) + (n2 >= 0)
        cdef bint fits = view.ndim == ndim
        cdef int i
        for i in range(ndim):
            fits = fits and view.shape[i] == shape[i]
        if not fits:
            raise ValueError(f"{name}: expected shape {tuple([shape[i] for i in range(ndim)])}, "
                             f"got {tuple([view.shape[i] for i in range(view.ndim)])}")
        return view.buf

    cdef const double *vector(self, array, str name, int64_t n0, int64_t n1=-1, int64_t n2=-1) except? NULL:
        """Like array, read-only float64, and required."""
        if array is None:
            raise TypeError(f"{name}: expected a float64 array, got None")
        return <const double *> self.array(array, name, b"d", False, n0, n1, n2)

    cdef double *total(self, array, str name, int64_t n0, int64_t n1=-1, int64_t n2=-1) except? NULL:
        """Like array, float64 to be written."""
        return <double *> self.array(array, name, b"d", True, n0, n1, n2)

    cdef int read_rows(self, X, sample_weight) except -1:
        cdef Py_buffer *view = self.borrow(X, "X", PyBUF_FULL_RO)
        cdef char kind = element_kind(view)
        if kind != b"d" and kind != b"f":
            raise TypeError(f"X: expected float32 or float64 of native byte order, got {view.format.decode()!r}")
        if view.ndim != 2:
            raise ValueError(f"X: expected two dimensions, got {view.ndim}")
        if view.shape[1] == 0:
            raise ValueError("X: has no columns")
        self.rows.n_rows = view.shape[0]
        self.rows.data = view.buf
        self.rows.dtype = GMM_F64 if kind == b"d" else GMM_F32
        self.rows.n_features = view.shape[1]
        self.rows.row_stride, self.rows.column_stride = view.strides[0], view.strides[1]
        self.rows.weight = <const double *> self.array(sample_weight, "sample_weight", b"d", False, self.rows.n_rows)
        return 0

    cdef int read_frame(self, scale, centre) except -1:
        self.rows.scale = self.vector(scale, "scale", self.rows.n_features)
        self.rows.centre = self.vector(centre, "centre", self.rows.n_features)
        return 0

    cdef int read_means(self, int kernel, int precision, means, str name="means") except -1:
        if not 0 <= kernel <= 5:
            raise ValueError("kernel: expected 0 (full), 1 (tied), 2 (diag), 3 (spherical), 4 (linear) or 5 (factor), "
                             f"got {kernel}")
        if not 0 <= precision <= 1:
            raise ValueError(f"precision: expected 0 (float32) or 1 (float64), got {precision}")
        self.factors.structure, self.factors.precision = <gmm_structure> kernel, <gmm_dtype> precision
        self.factors.n_features = self.rows.n_features
        self.factors.n_components = 0 if means is None else len(means)
        self.factors.mean = self.vector(means, name, self.factors.n_components, self.factors.n_features)
        if self.factors.n_components == 0:
            raise ValueError(f"{name}: has no rows")
        return 0

    cdef int read_factors(self, log_constants, whiteners) except -1:
        self.factors.log_constant = self.vector(log_constants, "log_constants", self.factors.n_components)
        return self.read_whiteners(whiteners)

    cdef int read_whiteners(self, whiteners) except -1:
        if whiteners is None:
            raise TypeError("whiteners: expected a float64 array, got None")
        if self.factors.structure == GMM_FACTOR:
            self.factors.n_factors = memoryview(whiteners).shape[1] - 1 if memoryview(whiteners).ndim == 3 else 0
            if not 1 <= self.factors.n_factors <= self.factors.n_features:
                raise ValueError("whiteners: expected shape (K, 1 + q, D) with 1 to D factors, "
                                 f"got {memoryview(whiteners).shape}")
        self.factors.whitener = <const double *> self.shaped(whiteners, "whiteners", False)
        return 0

    cdef int read_skipping(self, int skipping) except -1:
        if not GMM_SKIP_AUTO <= skipping <= GMM_SKIP_ALWAYS:
            raise ValueError(f"skipping: expected 0 (auto), 1 (never) or 2 (always), got {skipping}")
        self.factors.skipping = <gmm_skipping> skipping
        return 0

    cdef int read_noise(self, log_noise) except -1:
        if log_noise is not None:
            self.log_noise = log_noise
            self.factors.log_noise = &self.log_noise
        return 0

    cdef int read_prior(self, log_prior) except -1:
        self.rows.log_prior = <const double *> self.array(
            log_prior, "log_prior", b"d", False, self.rows.n_rows, self.factors.n_components)
        return 0

    cdef double *shaped(self, array, str name, bint writable) except? NULL:
        """An array in the shape of the structure's whiteners and second moments."""
        cdef int64_t K = self.factors.n_components, D = self.factors.n_features
        if self.factors.structure == GMM_FULL:
            return <double *> self.array(array, name, b"d", writable, K, D, D)
        if self.factors.structure == GMM_TIED:
            return <double *> self.array(array, name, b"d", writable, D, D)
        if self.factors.structure == GMM_DIAG or self.factors.structure == GMM_LINEAR:
            return <double *> self.array(array, name, b"d", writable, K, D)
        if self.factors.structure == GMM_FACTOR:
            return <double *> self.array(array, name, b"d", writable, K, 1 + self.factors.n_factors, D)
        return <double *> self.array(array, name, b"d", writable, K)

    cdef gmm_statistics statistics(self, n, first, second) except *:
        cdef int64_t K = self.factors.n_components
        cdef gmm_statistics sums
        sums.log_likelihood = sums.weight = sums.noise = 0.0
        sums.n_factors = self.factors.n_factors
        sums.n = self.total(n, "n", K)
        sums.first = self.total(first, "first", K, self.factors.n_features)
        sums.second = self.shaped(second, "second", True)
        if sums.n == NULL or sums.first == NULL or (
                sums.second == NULL and self.factors.structure != GMM_TIED and self.factors.structure != GMM_LINEAR):
            raise TypeError("n, first, second: expected float64 arrays (only a tied or linear second may be None)")
        return sums

    cdef int begin(self, int n_threads) except -1:
        """Scratch for the call; Ctrl-C is answered in its midst."""
        cdef int64_t K = self.factors.n_components, D = self.factors.n_features
        cdef int64_t n_blocks = max(1, (self.rows.n_rows + GMM_BLOCK_ROWS - 1) // GMM_BLOCK_ROWS)
        if n_threads < 1:
            raise ValueError(f"n_threads: expected a positive number, got {n_threads}")
        self.n_threads = <int> min(<int64_t> n_threads, n_blocks)
        if self.factors.structure == GMM_FACTOR:
            self.scratch_bytes = gmm_factor_scratch_bytes(
                self.factors.precision, K, D, self.factors.n_factors, self.n_threads)
        else:
            self.scratch_bytes = gmm_scratch_bytes(
                self.factors.structure, self.factors.precision, K, D, self.n_threads)
        self.scratch = malloc(max(<size_t> 1, self.scratch_bytes))
        if self.scratch == NULL:
            raise MemoryError(f"cannot allocate {self.scratch_bytes} bytes of scratch")
        self.rows.watch.stop, self.rows.watch.context = has_signal, <void *> self
        return 0

    cdef int check(self, gmm_status status) except -1:
        if status == GMM_OK:
            return 0
        if status == GMM_ESTOPPED:
            raise self.raised
        if status == GMM_ENONFINITE:
            raise ValueError(f"X: row {self.bad_row} holds a NaN or an infinity")
        isa()
        raise ValueError(gmm_status_message(status).decode())


cdef int has_signal(void *context) noexcept with gil:
    """Whether a signal's handler, run here, raised: what the core asks now and then."""
    cdef Call call = <Call> context
    try:
        PyErr_CheckSignals()
    except BaseException as error:
        call.raised = error
        return 1
    return 0


cdef char element_kind(Py_buffer *view) noexcept:
    """'f', 'd' or 'q' of native byte order, else 0."""
    cdef const char *code = view.format
    if code[0] == b"@" or code[0] == b"=" or code[0] == b"^" or code[0] == OWN_ORDER:
        code += 1
    if code[0] == 0 or code[1] != 0:
        return 0
    return b"q" if code[0] == b"l" and view.itemsize == sizeof(int64_t) else code[0]


def accumulate(X, sample_weight, scale, centre, int kernel, int precision, log_constants, means, whiteners, n, first,
               second, int n_threads, int skipping=GMM_SKIP_AUTO, log_noise=None, log_prior=None):
    cdef Call call = Call()
    cdef gmm_status status
    call.read_rows(X, sample_weight)
    call.read_frame(scale, centre)
    call.read_means(kernel, precision, means)
    call.read_factors(log_constants, whiteners)
    call.read_skipping(skipping)
    call.read_noise(log_noise)
    call.read_prior(log_prior)
    cdef gmm_statistics sums = call.statistics(n, first, second)
    call.begin(n_threads)
    with nogil:
        status = gmm_accumulate(&call.rows, &call.factors, call.n_threads, call.scratch, call.scratch_bytes,
                                &sums, &call.bad_row)
    call.check(status)
    return sums.log_likelihood, sums.weight, sums.noise


def moments(X, sample_weight, scale, centre, int kernel, int precision, means, responsibilities, labels, n, first,
            second, int n_threads, whiteners=None):
    cdef Call call = Call()
    cdef gmm_status status
    call.read_rows(X, sample_weight)
    call.read_frame(scale, centre)
    call.read_means(kernel, precision, means)
    if kernel == GMM_FACTOR:
        call.read_whiteners(whiteners)
    cdef int64_t K = call.factors.n_components
    cdef const double *posterior = <const double *> call.array(
        responsibilities, "responsibilities", b"d", False, call.rows.n_rows, K)
    cdef const int64_t *label = <const int64_t *> call.array(labels, "labels", b"q", False, call.rows.n_rows)
    if (posterior != NULL) == (label != NULL) and (K > 1 or label != NULL):
        raise TypeError("expected either responsibilities or labels")
    cdef gmm_statistics sums = call.statistics(n, first, second)
    call.begin(n_threads)
    with nogil:
        status = gmm_moments(&call.rows, &call.factors, posterior, label, call.n_threads, call.scratch,
                             call.scratch_bytes, &sums, &call.bad_row)
    call.check(status)
    return sums.weight


def score(X, scale, centre, int kernel, int precision, log_constants, means, whiteners, log_density, posterior, label,
          int n_threads, log_noise=None, log_prior=None):
    cdef Call call = Call()
    cdef gmm_status status
    call.read_rows(X, None)
    call.read_frame(scale, centre)
    call.read_means(kernel, precision, means)
    call.read_factors(log_constants, whiteners)
    call.read_noise(log_noise)
    call.read_prior(log_prior)
    cdef int64_t columns = call.factors.n_components + (log_noise is not None)
    cdef double *density = call.total(log_density, "log_density", call.rows.n_rows)
    cdef void *shares = call.array(
        posterior, "posterior", b"d" if precision == GMM_F64 else b"f", True, call.rows.n_rows, columns)
    cdef int64_t *labels = <int64_t *> call.array(label, "label", b"q", True, call.rows.n_rows)
    call.begin(n_threads)
    with nogil:
        status = gmm_score(&call.rows, &call.factors, call.n_threads, call.scratch, call.scratch_bytes,
                           density, shares, labels, &call.bad_row)
    call.check(status)


include "_columns.pxi"
include "_clusters.pxi"
include "_mixtures.pxi"
include "_missing.pxi"
include "_measured.pxi"
include "_fits.pxi"


def isa():
    cdef const char *name = gmm_isa()
    if name == NULL:
        raise ValueError(f"GMM_ISA={os.environ.get('GMM_ISA')!r} is not one of {', '.join(isas())}, which this build "
                         "holds and this CPU runs")
    return name.decode()


def isas():
    cdef const char *const *names = gmm_isas()
    found = []
    while names[0] != NULL:
        found.append(names[0].decode())
        names += 1
    return tuple(found)


def has_openmp():
    return gmm_has_openmp() != 0


def max_threads():
    return gmm_max_threads()


def peak_flops(int precision, int n_threads):
    return gmm_peak_flops(<gmm_dtype> precision, n_threads)
