#!/bin/sh
# Builds the compiled core with its C tests in a temporary directory and runs them on every instruction set.
#
#   tests/c/run.sh [MODE ...]      modes, default "gcc sanitize":
#     gcc clang   warnings are errors                  serial    without OpenMP
#     sanitize    ASan and UBSan                       aarch64   cross-compiled: NEON's kernels under qemu-aarch64
#     coverage    gcov: lines and branches of csrc, a table; fails on a line that no test reaches
# TESTS="score assign" runs only those. CC, CLANG and CROSS name the compilers. BUILD names a directory to build in
# and keep.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
scratch=${BUILD:-$(mktemp -d)}
[ -n "${BUILD:-}" ] || trap 'rm -rf "$scratch"' EXIT INT TERM
warnings="-Wall -Wextra -Wshadow -Wconversion -Werror"
avx2="-mavx2 -mfma"
avx512="-mavx512f -mavx512dq -mavx512bw -mavx512vl -mfma -mprefer-vector-width=512"

# compile CC TARGET FLAGS OPENMP: one object per source, as the extension is built, two at a time
compile() {
    cc=$1 target=$2 flags="-std=c11 -ffp-contract=off $warnings $3" openmp=$4 out=$scratch/build
    rm -rf "$out" && mkdir "$out"
    case $target in
        x86_64 | amd64) isas="avx512 avx2 scalar" ;;
        aarch64 | arm64) isas="neon scalar" ;;
        *) isas="scalar" ;;
    esac
    for isa in $isas; do
        case $isa in avx2) extra=$avx2 ;; avx512) extra=$avx512 ;; *) extra="" ;; esac
        echo "$cc $flags $extra -c $root/csrc/isa/$isa.c -o $out/isa_$isa.o"
    done >"$scratch/jobs"
    for source in "$root"/csrc/*.c "$root"/tests/c/*.c; do
        case $source in */csrc/parallel.c) extra=$openmp ;; *) extra="-D_GNU_SOURCE" ;; esac
        echo "$cc $flags $extra -I$root/csrc -c $source -o $out/$(basename "$source" .c).o"
    done >>"$scratch/jobs"
    (cd "$out" && xargs -P 2 -I{} sh -c '{}' <"$scratch/jobs")
    $cc $3 $openmp "$out"/*.o -lm -o "$out/tests"
}

run() {
    for isa in ${ISAS:-$($1 "$scratch/build/tests" --isas)}; do
        GMM_ISA=$isa $1 "$scratch/build/tests" ${TESTS:-}
    done
    if [ -z "${TESTS:-}" ]; then # an unknown ISA: every entry refuses, nothing crashes
        GMM_ISA=none $1 "$scratch/build/tests" unknown_isa
    fi
}

host=$(uname -m)
for mode in ${*:-gcc sanitize}; do
    echo "== $mode"
    case $mode in
        gcc)
            compile "${CC:-gcc}" "$host" "-O3" "-fopenmp"
            run "" ;;
        clang)
            compile "${CLANG:-clang}" "$host" "-O3" ""
            run "" ;;
        serial)
            compile "${CC:-gcc}" "$host" "-O3" ""
            run "" ;;
        sanitize)
            compile "${CC:-gcc}" "$host" "-O1 -g1 -fsanitize=address,undefined -fno-sanitize-recover=all" "-fopenmp"
            run "" ;;
        aarch64)
            compile "${CROSS:-aarch64-linux-gnu-gcc}" aarch64 "-O2" "-fopenmp"
            (
                ISAS=neon # what is the same C on every instruction set, such as whole fits, takes minutes to emulate
                TESTS=${TESTS:-"accumulate moments score reach far_rows assign scan scan_extremes slices nonfinite scratch
                    skip noise measured matrices maximize"}
                run "qemu-aarch64 -L /usr/aarch64-linux-gnu"
            ) ;;
        coverage)
            compile "${CC:-gcc}" "$host" "-O1 -g --coverage" "-fopenmp"
            run ""
            python3 "$root/tests/c/coverage.py" "$scratch/build" "$root" ;;
        *) echo "unknown mode $mode" >&2 && exit 2 ;;
    esac
done
