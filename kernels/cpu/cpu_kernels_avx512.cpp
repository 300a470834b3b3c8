#define BDH_SET avx512
#define BDH_WIDTH 16
#define BDH_TABLE avx512_kernels
#include "kernels/cpu/cpu_kernels.inc"
