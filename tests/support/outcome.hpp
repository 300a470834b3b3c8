// What a run leaves behind, and whether two runs gave the same bits.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include <bdh/simulator.hpp>

#include "arrays.hpp"

namespace tests {

struct outcome {
  std::vector<float> logits;  // all tokens
  std::vector<bdh::state_arrays> synapses;
  std::vector<bdh::step_report> reports;
};

inline bool same_bits(const bdh::state_arrays& a, const bdh::state_arrays& b) {
  return same_bits(a.strengths(), b.strengths()) && a.clock() == b.clock() &&
         std::equal(a.last_used().begin(), a.last_used().end(), b.last_used().begin());
}

inline bool same_counts(const bdh::step_report& a, const bdh::step_report& b) {
  return a.active_x == b.active_x && a.active_y == b.active_y &&
         a.synaptic_events == b.synaptic_events && a.hebbian_writes == b.hebbian_writes;
}

inline bool same_bits(const outcome& a, const outcome& b) {
  return same_bits(std::span(a.logits), std::span(b.logits)) &&
         std::equal(a.synapses.begin(), a.synapses.end(), b.synapses.begin(), b.synapses.end(),
                    [](const auto& one, const auto& other) { return same_bits(one, other); }) &&
         std::equal(a.reports.begin(), a.reports.end(), b.reports.begin(), b.reports.end(),
                    same_counts);
}

}  // namespace tests
