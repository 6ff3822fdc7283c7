/* cpu.h: what this processor and its operating system let us run. */
#ifndef GMM_CPU_H
#define GMM_CPU_H

/* Bits of a word of features: what some ISA asks of a processor beyond its base architecture. */
enum {
    GMM_CPU_AVX2 = 1,
    GMM_CPU_FMA = 2,
    GMM_CPU_AVX512F = 4,
    GMM_CPU_AVX512DQ = 8,
    GMM_CPU_AVX512BW = 16,
    GMM_CPU_AVX512VL = 32
};

unsigned gmm_cpu_features(void);

#endif
