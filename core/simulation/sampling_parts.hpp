// The parts of the choice of a token, for devices that choose by themselves
// (core/simulation/sampling_law.hpp).
#pragma once

#include <cstdint>

#include <bdh/sampling.hpp>

namespace bdh {

// The check, and the number from 0 to 1 that decides.
void expect_choice(float largest, std::uint64_t position);
double choice_share(const sampling& how, std::uint64_t position) noexcept;

}  // namespace bdh
