// The positions of an intervention in the one way in which they are kept.
#pragma once

#include <bdh/intervention.hpp>

namespace bdh {

inline constexpr std::uint64_t without_end = std::numeric_limits<std::uint64_t>::max();
inline constexpr double most_rate = 500;  // of Poisson noise: exp(-rate) is far above 0

// [first, last] becomes the range of the pulses at `onsets`; a single pulse without a course is a
// range. Throws input_error for pulses that overlap, and for what contradicts itself.
void normalize(intervention& p);

}  // namespace bdh
