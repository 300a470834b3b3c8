#include "kernels/cpu_kernels.hpp"

#include <string>

#include "core/base/error.hpp"

namespace bdh {

const char* name(instruction_set set) noexcept {
  switch (set) {
    case instruction_set::plain:
      return "plain";
    case instruction_set::avx2:
      return "avx2";
    case instruction_set::avx512:
      return "avx512";
    default:
      return "best";
  }
}

instruction_set instruction_set_named(std::string_view text) {
  for (auto set : {instruction_set::best, instruction_set::plain, instruction_set::avx2, instruction_set::avx512})
    if (text == name(set)) return set;
  throw input_error("instructions", "'" + std::string(text) + "'", "best, plain, avx2 or avx512");
}

namespace kernels {

const cpu_kernels& cpu_kernels_for(instruction_set set) {
#if defined(__x86_64__)
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
#else
  const bool avx2 = false, avx512 = false;
#endif
  if ((set == instruction_set::avx2 && !avx2) || (set == instruction_set::avx512 && !avx512))
    throw unavailable_error("instructions", std::string(name(set)), "an instruction set of this processor", "leave the option out");
#if defined(__x86_64__)
  if (set == instruction_set::avx512 || (set == instruction_set::best && avx512)) return avx512_kernels();
  if (set == instruction_set::avx2 || (set == instruction_set::best && avx2)) return avx2_kernels();
#endif
  return plain_kernels();
}

}  // namespace kernels
}  // namespace bdh
