#define BDH_SET avx2
#define BDH_WIDTH 8
#define BDH_TABLE avx2_kernels
#include "kernels/cpu/cpu_kernels.inc"
