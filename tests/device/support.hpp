// What every test of a device needs: two engines of one model, run side by side and compared.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include <bdh/cpu_engine.hpp>
#include <bdh/gpu_engine.hpp>
#include <bdh/simulator.hpp>

#include "gpu/device/device.hpp"

namespace tests {

// What two engines must agree in: all bits, or, where one contracts a*b+c, everything within a
// tolerance. Whether a value next to zero is active may then differ, too.
struct likeness {
  bool exact = true;

  template <class T>
  bool values(std::span<const T> a, std::span<const T> b) const {
    if (a.size() != b.size()) return false;
    if (exact) return a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
    double difference = 0, largest = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      difference = std::max(difference, std::abs(double{a[i]} - double{b[i]}));
      largest = std::max(largest, std::abs(double{a[i]}));
    }
    return difference <= bdh::gpu::contracted_tolerance * largest;
  }
  template <class T>
  bool values(const std::vector<T>& a, const std::vector<T>& b) const {
    return values(std::span<const T>(a), std::span<const T>(b));
  }
  bool count(std::uint64_t a, std::uint64_t b) const {
    return exact ? a == b : std::max(a, b) - std::min(a, b) <= 2 + std::max(a, b) / 50;
  }
  bool counts(const std::vector<bdh::neuron_id>& a, const std::vector<bdh::neuron_id>& b) const {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](auto x, auto y) { return count(x, y); });
  }
  bool clocks(std::span<const std::uint64_t> a, std::span<const std::uint64_t> b) const {
    std::size_t different = 0;
    for (std::size_t i = 0; i < a.size(); ++i) different += a[i] != b[i];
    return a.size() == b.size() && count(a.size(), a.size() - different);
  }
};

inline void check_same_state(const bdh::simulator& a, const bdh::simulator& b, likeness like = {}) {
  const bdh::run_state left = a.save(), right = b.save();
  CHECK(left.tokens == right.tokens);
  CHECK(like.values(left.logits, right.logits));
  for (std::size_t l = 0; l < left.layers.size(); ++l) {
    CAPTURE(l);
    CHECK(left.layers[l].clock() == right.layers[l].clock());
    CHECK(like.values<float>(left.layers[l].strengths(), right.layers[l].strengths()));
    CHECK(like.clocks(left.layers[l].last_used(), right.layers[l].last_used()));
  }
  REQUIRE(left.probes.size() == right.probes.size());
  std::vector<double> strengths[2];
  for (std::size_t p = 0; p < left.probes.size(); ++p) {
    for (double s : {left.probes[p].strength, left.probes[p].partner}) strengths[0].push_back(s);
    for (double s : {right.probes[p].strength, right.probes[p].partner}) strengths[1].push_back(s);
  }
  CHECK(like.values(strengths[0], strengths[1]));
}

inline void check_same_report(const bdh::step_report& a, const bdh::step_report& b,
                              likeness like = {}) {
  CHECK(like.counts(a.active_x, b.active_x));
  CHECK(like.counts(a.active_y, b.active_y));
  CHECK(like.count(a.synaptic_events, b.synaptic_events));
  CHECK(like.count(a.hebbian_writes, b.hebbian_writes));
  REQUIRE(a.spikes.has_value() == b.spikes.has_value());
  if (!a.spikes) return;
  CHECK(a.spikes->spikes == b.spikes->spikes);
  CHECK(a.spikes->clipped == b.spikes->clipped);
  CHECK(a.spikes->spiking_x == b.spikes->spiking_x);
  CHECK(a.spikes->spiking_y == b.spikes->spiking_y);
}

// Both read the tokens; after every one logits and reports are compared, at the end the synapses
// and their clocks.
inline void check_same_run(bdh::simulator& a, bdh::simulator& b, const std::vector<int>& tokens,
                           likeness like = {}) {
  for (int t : tokens) {
    const auto left = a.step(static_cast<bdh::token_id>(t)),
               right = b.step(static_cast<bdh::token_id>(t));
    CAPTURE(left.position);
    check_same_report(left, right, like);
    REQUIRE(like.values(a.logits(), b.logits()));
  }
  check_same_state(a, b, like);
}

// As above, but looking at everything after every round.
inline void check_same_rounds(bdh::simulator& a, bdh::simulator& b, const std::vector<int>& tokens,
                              likeness like = {}) {
  for (int t : tokens) {
    a.begin(static_cast<bdh::token_id>(t));
    b.begin(static_cast<bdh::token_id>(t));
    for (;;) {
      const auto left = a.advance(), right = b.advance();
      REQUIRE(left.has_value() == right.has_value());
      if (!left) break;
      CAPTURE(left->layer);
      CAPTURE(bdh::round_of(left->at));
      for (auto v : {bdh::variable::x, bdh::variable::y, bdh::variable::w, bdh::variable::a})
        REQUIRE_MESSAGE(like.values(a.read(v), b.read(v)), "variable " << static_cast<int>(v));
      for (auto v : {bdh::variable::x, bdh::variable::y})
        if (a.spikes()) REQUIRE(like.values(a.sent(v), b.sent(v)));
      const bdh::neuron_id i = static_cast<bdh::neuron_id>(t) % a.model().neurons();
      REQUIRE(like.values(a.synapses(left->layer, i), b.synapses(left->layer, i)));
    }
    check_same_report(a.finish(), b.finish(), like);
    REQUIRE(like.values(a.logits(), b.logits()));
  }
  check_same_state(a, b, like);
}

}  // namespace tests
