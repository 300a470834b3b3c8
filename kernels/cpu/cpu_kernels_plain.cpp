#define BDH_SET plain
#define BDH_WIDTH 4
#define BDH_TABLE plain_kernels
#include "kernels/cpu/cpu_kernels.inc"
