// What every test of a device needs: two engines of one model, run side by side and compared to the last bit.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "core/simulator.hpp"
#include "gpu/gpu_engine.hpp"
#include "kernels/cpu_engine.hpp"

namespace tests {

inline bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}

inline void check_same_state(const bdh::simulator& a, const bdh::simulator& b) {
  const bdh::synapse_state left = a.save(), right = b.save();
  CHECK(left.tokens == right.tokens);
  CHECK(same_bits(left.logits, right.logits));
  for (std::size_t l = 0; l < left.layers.size(); ++l) {
    CAPTURE(l);
    CHECK(left.layers[l].clock == right.layers[l].clock);
    CHECK(same_bits(left.layers[l].stored, right.layers[l].stored));
    CHECK(std::equal(left.layers[l].last_used.begin(), left.layers[l].last_used.end(), right.layers[l].last_used.begin()));
  }
  REQUIRE(left.probes.size() == right.probes.size());
  for (std::size_t p = 0; p < left.probes.size(); ++p) {
    CHECK(left.probes[p].strength == right.probes[p].strength);
    CHECK(left.probes[p].partner == right.probes[p].partner);
  }
}

inline void check_same_report(const bdh::token_report& a, const bdh::token_report& b) {
  CHECK(a.active_x == b.active_x);
  CHECK(a.active_y == b.active_y);
  CHECK(a.synaptic_events == b.synaptic_events);
  CHECK(a.hebbian_writes == b.hebbian_writes);
}

// Both read the tokens; after every one logits and reports are compared, at the end the synapses and their clocks.
inline void check_same_bits(bdh::simulator& a, bdh::simulator& b, const std::vector<int>& tokens) {
  for (int t : tokens) {
    const auto left = a.step(static_cast<bdh::token_id>(t)), right = b.step(static_cast<bdh::token_id>(t));
    CAPTURE(left.position);
    check_same_report(left, right);
    REQUIRE(same_bits(a.logits(), b.logits()));
  }
  check_same_state(a, b);
}

// As above, but looking at everything after every round.
inline void check_same_rounds(bdh::simulator& a, bdh::simulator& b, const std::vector<int>& tokens) {
  for (int t : tokens) {
    a.begin(static_cast<bdh::token_id>(t));
    b.begin(static_cast<bdh::token_id>(t));
    for (;;) {
      const auto left = a.advance(), right = b.advance();
      REQUIRE(left.has_value() == right.has_value());
      if (!left) break;
      CAPTURE(left->layer);
      CAPTURE(left->round);
      for (auto v : {bdh::variable::x, bdh::variable::y, bdh::variable::w, bdh::variable::a})
        REQUIRE_MESSAGE(same_bits(a.read(v), b.read(v)), "variable " << static_cast<int>(v));
      const bdh::neuron_id i = static_cast<bdh::neuron_id>(t) % a.subject().neurons();
      REQUIRE(same_bits(a.synapses(left->layer, i), b.synapses(left->layer, i)));
    }
    check_same_report(a.finish(), b.finish());
    REQUIRE(same_bits(a.logits(), b.logits()));
  }
  check_same_state(a, b);
}

}  // namespace tests
