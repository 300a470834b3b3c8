#include "core/base/instruction_set.hpp"

#include <cstdlib>

#include <bdh/error.hpp>

namespace bdh {
namespace {

constexpr auto environment_variable = "BDH_INSTRUCTIONS";

instruction_set most_allowed() {
  const char* text = std::getenv(environment_variable);
  if (text == nullptr || *text == '\0') return instruction_set::avx512;
  for (auto set : {instruction_set::plain, instruction_set::avx2, instruction_set::avx512})
    if (std::string_view(text) == name(set)) return set;
  throw input_error(environment_variable, "'" + std::string(text) + "'", "plain, avx2 or avx512");
}

// Instructions of a set that the processor lacks, or that its operating system keeps no registers
// for; empty when it has them all. The names are those of the compile options in
// kernels/CMakeLists.txt.
std::string lacking(instruction_set set) {
  if (set == instruction_set::plain || set == instruction_set::best) return {};
#if defined(__x86_64__)
  __builtin_cpu_init();
  std::string all;
  const auto needs = [&](bool has, const char* what) {
    if (!has) all += (all.empty() ? "" : ", ") + std::string(what);
  };
  needs(__builtin_cpu_supports("avx2"), "AVX2");
  needs(__builtin_cpu_supports("fma"), "FMA");
  if (set == instruction_set::avx512) {
    needs(__builtin_cpu_supports("avx512f"), "AVX-512F");
    needs(__builtin_cpu_supports("avx512vl"), "AVX-512VL");
    needs(__builtin_cpu_supports("avx512dq"), "AVX-512DQ");
  }
  return all;
#else
  return set == instruction_set::avx2 ? "AVX2" : "AVX-512";
#endif
}

}  // namespace

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
  for (auto set : {instruction_set::best, instruction_set::plain, instruction_set::avx2,
                   instruction_set::avx512})
    if (text == name(set)) return set;
  throw input_error("instructions", "'" + std::string(text) + "'", "best, plain, avx2 or avx512");
}

std::string why_not(instruction_set set) {
  const instruction_set most = most_allowed();
  if (const std::string what = lacking(set); !what.empty()) return "this processor lacks " + what;
  return set > most ? std::string(environment_variable) + " is " + name(most) : std::string();
}

instruction_set usable(instruction_set set) {
  instruction_set best = instruction_set::plain;
  std::string all = "best, plain";
  for (auto wider : {instruction_set::avx2, instruction_set::avx512})
    if (why_not(wider).empty()) {
      best = wider;
      all += std::string(", ") + name(wider);
    }
  if (set == instruction_set::best) return best;
  if (const std::string why = why_not(set); !why.empty())
    throw unavailable_error("instructions", std::string(name(set)) + " (" + why + ")", all);
  return set;
}

}  // namespace bdh
