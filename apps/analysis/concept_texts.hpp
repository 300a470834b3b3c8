// The sentences of a search for concepts: which choose, which confirm, and which belong together.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/analysis/sentences.hpp"
#include "core/analysis/concept_confirmation.hpp"

namespace bdh::app {

struct concept_files {
  std::string positive, negative;
  std::string confirm_positive, confirm_negative;  // empty: halves of the two above
  bool groups = false;  // lines are GROUP<tab>SENTENCE; a group is dealt whole
  bool paired = false;  // line k of one file is matched with line k of the other

  void check() const;  // throws usage_error
};

struct concept_texts {
  std::vector<sentence> texts;  // the positive ones, then the negative
  std::size_t positives = 0;
  text_design design;
  halves split;
};

// Throws input_error for what is no sentence or has no group, and for groups of files to confirm
// by that have a part in the choice.
concept_texts read_concept_texts(const concept_files& files, const model& m, std::uint64_t seed);

}  // namespace bdh::app
