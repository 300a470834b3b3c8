// The vector instructions of this processor that code may use. Code compiled for each of them gives
// the same bits.
//
// The environment variable BDH_INSTRUCTIONS, plain, avx2 or avx512, is the most that is used;
// without it, or empty, all that the processor has. It is the one setting that the library takes
// from the environment: so it holds for the program, the tests, the examples and whatever else
// links the library, and a machine that lacks instructions can be had on one that has them.
#pragma once

#include <string>
#include <string_view>

#include <bdh/ids.hpp>

namespace bdh {

// From the fewest to the most; best: the most that can be used here.
const char* name(instruction_set set) noexcept;
instruction_set instruction_set_named(std::string_view text);  // throws input_error

// What keeps code compiled for the set from being used here: "this processor lacks AVX2",
// "BDH_INSTRUCTIONS is plain"; empty when nothing does. Throws input_error for a BDH_INSTRUCTIONS
// that names no set.
std::string why_not(instruction_set set);

// The set itself, or the one that `best` stands for. Throws unavailable_error where it cannot be
// used, input_error as above.
instruction_set usable(instruction_set set);

}  // namespace bdh
