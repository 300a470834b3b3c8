// The kernels of AVX-512, vectors of 16 floats, for processors without it: the same source, which
// the compiler takes apart into whatever vectors there are. In the program that this file is linked
// into it stands for the library's choice of kernels: `plain` is itself, all else is this. So the
// law of summation is tested for groups of 16 everywhere; not the instructions of AVX-512
// themselves.
#define BDH_SET avx512
#define BDH_WIDTH 16
#define BDH_TABLE avx512_kernels
#include "kernels/cpu/cpu_kernels.inc"
#include "support/instruction_sets.hpp"

namespace bdh::kernels {

const cpu_kernels& cpu_kernels_for(instruction_set set) {
  return set == instruction_set::plain ? plain_kernels() : avx512_kernels();
}

}  // namespace bdh::kernels

namespace tests {

std::vector<bdh::instruction_set> instruction_sets() {
  return {bdh::instruction_set::plain, bdh::instruction_set::avx512};
}

}  // namespace tests
