// The course of the findings of bdh concepts over sentences, token by token.
#pragma once

#include <cstddef>
#include <string>

#include <bdh/simulator.hpp>

#include "apps/analysis/concepts_output.hpp"

namespace bdh::app {

// Of the first `top` findings, over the sentences of `file`; empty: over four of those that had no
// part in the choice. Fills traced, series and traced_findings of `r`. Throws `stopped`.
void follow_courses(const std::string& file, std::size_t top, simulator& brain, concept_results& r);

}  // namespace bdh::app
