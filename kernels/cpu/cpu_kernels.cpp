#include "kernels/cpu/cpu_kernels.hpp"

namespace bdh::kernels {

const cpu_kernels& cpu_kernels_for(instruction_set set) {
  switch (usable(set)) {
#if defined(__x86_64__)
    case instruction_set::avx512:
      return avx512_kernels();
    case instruction_set::avx2:
      return avx2_kernels();
#endif
    default:
      return plain_kernels();
  }
}

}  // namespace bdh::kernels
