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

// Which texts belong together: at most one of the two.
struct text_design {
  // Of each text its group, a word or a frame that several texts share; empty: each is its own. A
  // group is dealt whole: what is confirmed holds for groups that had no part in the choice. Then
  // the mean of a group is one value of the test.
  std::vector<std::size_t> group = {};
  // Positive text k is matched with negative text k; the test is of their differences.
  bool paired = false;
};

struct halves {
  text_sets choose, confirm;
  // With groups: of those that the choice was made by, texts that had no part in it themselves.
  text_sets same_groups = {};
};
// Each set in two halves drawn by `seed`, the larger to confirm: texts 0 .. positive - 1 are the
// positive ones, the negative follow.
halves split_texts(std::size_t positive, std::size_t negative, std::uint64_t seed,
                   const text_design& design = {});

// A candidate that was chosen, and what the other half says of it.
struct finding {
  separation what;
  std::vector<float> values;    // of every text
  rank_test chosen, confirmed;  // on the two halves, positive against negative
  double corrected_p = 1;       // of `confirmed`, by Holm over all that were carried over
  bool holds = false;           // corrected_p < level, in the direction in which it was chosen
  // The same on other texts of the groups that the choice was made by; without groups p = 1.
  rank_test same_groups = {};
  double same_corrected_p = 1;
  bool holds_for_same = false;
};
// values_of[k]: of every text, of chosen[k]. The smallest p first, of equal ones those that
// separate better. Matched texts are tested by flipping the signs of their differences: all of
// them, or 100,000 at random; U then counts pairs, and r is the share of pairs that are larger in
// the positive text less that of the others.
std::vector<finding> confirm(std::span<const separation> chosen,
                             std::vector<std::vector<float>> values_of, const halves& texts,
                             double level, const text_design& design = {});

// The smallest p that the confirming halves can have, and of how many values it is.
struct confirming_power {
  std::size_t positive = 0, negative = 0;
  double least = 1;
};
confirming_power power_of(const halves& texts, const text_design& design);

// Texts that it takes in each set so that there is something to choose by, and the confirming
// halves can reach `level` after correction for `carried` hypotheses; and in one set, beside so
// many (2 or more) in the other.
std::size_t texts_needed(std::size_t carried, double level);
std::size_t texts_needed_beside(std::size_t others, std::size_t carried, double level);

}  // namespace bdh
