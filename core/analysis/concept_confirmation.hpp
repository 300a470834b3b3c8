// The test of concept synapses: candidates that were chosen on one half of the texts
// (core/analysis/concept_search.hpp) are confirmed on the other half, by Mann and Whitney's U with
// Holm's correction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/analysis/concept_search.hpp"
#include "core/analysis/rank_statistics.hpp"

namespace bdh {

struct halves {
  text_sets choose, confirm;
};
// Each set in two halves drawn by `seed`, the larger to confirm: texts 0 .. positive - 1 are the
// positive ones, the negative follow.
halves split_texts(std::size_t positive, std::size_t negative, std::uint64_t seed);

// A candidate that was chosen, and what the other half says of it.
struct finding {
  separation what;
  std::vector<float> values;    // of every text
  rank_test chosen, confirmed;  // on the two halves, positive against negative
  double corrected_p = 1;       // of `confirmed`, by Holm over all that were carried over
  bool holds = false;           // corrected_p < level, in the direction in which it was chosen
};
// values_of[k]: of every text, of chosen[k]. The smallest p first, of equal ones those that
// separate better.
std::vector<finding> confirm(std::span<const separation> chosen,
                             std::vector<std::vector<float>> values_of, const halves& texts,
                             double level);

// Texts that it takes in each set so that there is something to choose by, and the confirming
// halves can reach `level` after correction for `carried` hypotheses; and in one set, beside so
// many (2 or more) in the other.
std::size_t texts_needed(std::size_t carried, double level);
std::size_t texts_needed_beside(std::size_t others, std::size_t carried, double level);

}  // namespace bdh
