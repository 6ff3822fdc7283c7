/* cpu.h: what this processor and its operating system let us run. */
#ifndef GMM_CPU_H
#define GMM_CPU_H

int gmm_cpu_any(void);
int gmm_cpu_avx2(void);
int gmm_cpu_avx512(void);
int gmm_cpu_neon(void);

#endif
