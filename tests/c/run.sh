#!/bin/sh
# Builds the compiled core with its C tests in a temporary directory and runs them on every instruction set.
#
#   tests/c/run.sh [MODE ...]      modes, default "gcc sanitize":
#     gcc clang   warnings are errors                  serial    without OpenMP
#     sanitize    ASan and UBSan                       aarch64   cross-compiled: NEON's kernels under qemu-aarch64
#     coverage    gcov: lines and branches of csrc, a table; fails on a line that no test reaches, and below the share of
#                 branches that coverage.py asks for
#     tsan        TSan: two to eight threads of threads.c in place of OpenMP's, which TSan cannot follow
# TESTS="score assign" runs only those. In modes that run again what gcc's has run each instruction set has a part of the
# cases, another each; GMM_CASES=0/1 gives it all. CC, CLANG and CROSS name the compilers. BUILD names a directory to build in
# and keep.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
scratch=${BUILD:-$(mktemp -d)}
[ -n "${BUILD:-}" ] || trap 'rm -rf "$scratch"' EXIT INT TERM
warnings="-Wall -Wextra -Wshadow -Wconversion -Werror"
avx2="-mavx2 -mfma"
avx512="-mavx512f -mavx512dq -mavx512bw -mavx512vl -mfma -mprefer-vector-width=512"

# compile CC TARGET FLAGS OPENMP [THREADS]: one object per source, as the extension is built, two at a time.
# THREADS names a file that takes the place of csrc/parallel.c.
compile() {
    cc=$1 target=$2 flags="-std=c11 -ffp-contract=off $warnings $3" openmp=$4 out=$scratch/build
    threads=${5:-$root/csrc/parallel.c}
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
        case $source in
            "$threads") extra=$openmp ;;
            */csrc/parallel.c | */tests/c/threads.c) continue ;;
            *) extra="-D_GNU_SOURCE" ;;
        esac
        echo "$cc $flags $extra -I$root/csrc -c $source -o $out/$(basename "$source" .c).o"
    done >>"$scratch/jobs"
    (cd "$out" && xargs -P 2 -I{} sh -c '{}' <"$scratch/jobs")
    $cc $3 $openmp "$out"/*.o -lm -o "$out/tests"
}

# run EMULATOR [PARTS]: the tests on every instruction set, one of so many parts of their cases on each.
run() {
    part=0
    for isa in ${ISAS:-$($1 "$scratch/build/tests" --isas)}; do
        GMM_CASES=${GMM_CASES:-$part/${2:-1}} GMM_ISA=$isa $1 "$scratch/build/tests" ${TESTS:-}
        part=$((part + 1))
    done
    if [ -z "${TESTS:-}" ]; then # an unknown ISA: every entry refuses, nothing crashes
        GMM_ISA=none $1 "$scratch/build/tests" unknown_isa
    fi
}

# The core takes what it needs from its caller: nothing in it allocates, prints or ends the process, and only
# parallel.c calls OpenMP.
check_symbols() {
    for object in "$scratch"/build/*.o; do
        source=$root/csrc/$(basename "$object" .o).c
        [ -e "$source" ] || case $object in */isa_*) ;; *) continue ;; esac
        forbidden=" (malloc|calloc|realloc|aligned_alloc|free|printf|puts|fprintf|abort|exit|pthread_create)$"
        case $object in */parallel.o) ;; *) forbidden="$forbidden| (GOMP|omp|__kmpc)_" ;; esac
        ! nm --undefined-only "$object" | grep -E "$forbidden" || { echo "in $object" >&2 && exit 1; }
    done
}

host=$(uname -m)
for mode in ${*:-gcc sanitize}; do
    echo "== $mode"
    case $mode in
        gcc)
            compile "${CC:-gcc}" "$host" "-O3" "-fopenmp"
            check_symbols
            run "" ;;
        clang)
            compile "${CLANG:-clang}" "$host" "-O3" ""
            run "" 3 ;;
        serial)
            compile "${CC:-gcc}" "$host" "-O3" ""
            run "" ;;
        sanitize)
            compile "${CC:-gcc}" "$host" "-O1 -g1 -fsanitize=address,undefined -fno-sanitize-recover=all" "-fopenmp"
            run "" 3 ;;
        tsan)
            compile "${CC:-gcc}" "$host" "-O1 -g1 -fsanitize=thread" "-pthread" "$root/tests/c/threads.c"
            (
                # what shares memory between threads is the same on every instruction set: the best one will do
                ISAS=${ISAS:-$("$scratch/build/tests" --isas | head -1)}
                TESTS=${TESTS:-"parallel determinism maximize fit start missing"}
                run ""
            ) ;;
        aarch64)
            compile "${CROSS:-aarch64-linux-gnu-gcc}" aarch64 "-O2" "-fopenmp"
            (
                ISAS=neon # what is the same C on every instruction set, such as whole fits, takes minutes to emulate
                TESTS=${TESTS:-"accumulate moments score reach far_rows assign scan scan_extremes slices nonfinite scratch
                    skip noise measured matrices maximize"}
                run "qemu-aarch64 -L /usr/aarch64-linux-gnu" 3
            ) ;;
        coverage)
            # intrinsics are macros without optimisation, and some convert as they should not
            compile "${CC:-gcc}" "$host" "-O0 --coverage -fprofile-update=atomic -DGMM_COVERAGE -Wno-sign-conversion" "-fopenmp"
            run ""
            python3 "$root/tests/c/coverage.py" "$scratch/build" "$root" ;;
        *) echo "unknown mode $mode" >&2 && exit 2 ;;
    esac
done
