// The strengths of all synapses from their factors, against probes, which accumulate each of them
// token by token.
#include "core/analysis/hebbian_trace.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>

#include "support/models.hpp"

namespace {

// f and |x| of the neuron and its partner, without rotation and decay: what strengths are measured
// by.
double sum_of_absolute_terms(const bdh::layer_factors& kept, const bdh::neuron_pair& p,
                             bool rotates) {
  const auto at = [](const bdh::neuron_events& e, bdh::neuron_id i, std::uint32_t t) {
    for (std::uint64_t k = e.offset[i]; k < e.offset[i + 1]; ++k)
      if (e.token[k] == t) return double{e.value[k]};
    return 0.0;
  };
  double sum = 0;
  for (std::uint32_t t = 0; t < kept.tokens(); ++t)
    sum += at(kept.f(), p.post, t) *
           (at(kept.x(), p.pre, t) + (rotates ? at(kept.x(), p.pre ^ 1, t) : 0));
  return sum;
}

// The largest difference between factors and probes over many pairs of every layer; how many of
// them are not 0 goes to `moving`.
double largest_difference(const bdh::model& m, std::optional<double> retention,
                          bdh::probe_factor factor, int vocabulary, int& moving) {
  bdh::simulator brain(
      m, bdh::cpu_engine(
             m, {.sites = 3, .instructions = bdh::instruction_set::best, .retention = retention}));
  std::vector<bdh::layer_id> layers;
  for (bdh::layer_id l = 1; l <= m.layers(); ++l) layers.push_back(l);
  bdh::hebbian_trace kept(brain, layers, factor);
  for (int t : tests::random_tokens(9, vocabulary, 5))
    brain.step(static_cast<bdh::token_id>(t));  // another text: forgotten
  brain.clear_synapses();
  kept.clear_synapses();
  for (bdh::layer_id l : layers)
    for (bdh::neuron_id i = 0; i < m.neurons(); i += 3)
      for (bdh::neuron_id j = 0; j < m.neurons(); j += m.is_direct() ? 1 : 7)
        brain.probes().add({{i, j}, l, factor});
  for (int t : tests::random_tokens(25, vocabulary, 4)) brain.step(static_cast<bdh::token_id>(t));
  double worst = 0;
  std::vector<bdh::layer_factors> of;
  std::vector<std::vector<float>> rows;  // of each layer: targets x sources
  for (bdh::layer_id l : layers) {
    of.push_back(kept.of(l));
    const bdh::weight_matrix all = of.back().strengths();
    CHECK(all.targets() == m.neurons());
    CHECK(all.sources() == m.neurons());
    auto& matrix = rows.emplace_back(std::size_t{m.neurons()} * m.neurons(), std::nanf(""));
    for (std::size_t b = 0; b < all.blocks(); ++b)
      all.visit(b, [&](const bdh::weight_row& row) {
        for (std::size_t k = 0; k < row.weights.size(); ++k)
          matrix[row.target * m.neurons() + (row.sources.empty() ? k : row.sources[k])] =
              row.weights[k];
      });
  }
  for (std::size_t p = 0; p < brain.probes().size(); ++p) {
    const bdh::probe_spec& what = brain.probes().what(p);
    const bdh::layer_factors& factors = of[what.layer - 1];
    const double expected = brain.probes().strength(p),
                 scale = sum_of_absolute_terms(factors, what.pair, m.rotation().present());
    if (scale == 0) {
      CHECK(factors.strength(what.pair) == 0);
      continue;
    }
    ++moving;
    worst = std::max(worst, std::abs(factors.strength(what.pair) - expected) / scale);
    const float in_rows = rows[what.layer - 1][what.pair.post * m.neurons() + what.pair.pre];
    const bool is_edge = !m.is_direct() || m.direct().gs.find(what.pair.pre, what.pair.post);
    CHECK(std::isnan(in_rows) == !is_edge);
    if (is_edge) worst = std::max(worst, std::abs(in_rows - expected) / scale);
  }
  return worst;
}

}  // namespace

TEST_CASE(
    "through hubs, factors give the strengths of probes: heads, rotation, retention, both "
    "factors") {
  for (const std::string variant : {"gpu-release", "gpu-paper", "normfree"})
    for (const bool rotates : {true, false})
      for (const auto factor : {bdh::probe_factor::w, bdh::probe_factor::y}) {
        const oracle::weights w = tests::random_weights({.neurons_per_head = 64,
                                                         .heads = variant == "gpu-release" ? 2 : 1,
                                                         .hubs = 12,
                                                         .vocabulary = 20,
                                                         .layers = 3,
                                                         .rotates = rotates},
                                                        21);
        const bdh::model m = tests::as_graph(w, variant);
        CAPTURE(variant);
        CAPTURE(rotates);
        int moving = 0;
        CHECK(largest_difference(m, rotates ? std::optional(0.9) : std::nullopt, factor, 20,
                                 moving) < 1e-6);
        CHECK(moving > 300);
      }
}

TEST_CASE(
    "with explicit edges, factors give the strengths of probes: rates and u of each edge, "
    "rotation") {
  for (const bool rotates : {true, false})
    for (const bool own_retention : {true, false})
      for (const auto factor : {bdh::probe_factor::w, bdh::probe_factor::y}) {
        const oracle::circuits c = tests::random_circuits({.neurons = 40,
                                                           .vocabulary = 7,
                                                           .layers = 3,
                                                           .degree = 6,
                                                           .rotates = rotates,
                                                           .own_retention = own_retention,
                                                           .retention = 0.95},
                                                          8);
        const bdh::model m = tests::as_direct_graph(c, "normfree", nullptr, own_retention);
        CAPTURE(rotates);
        CAPTURE(own_retention);
        int moving = 0;
        CHECK(largest_difference(m, std::nullopt, factor, 7, moving) < 1e-6);
        CHECK(moving > 100);
      }
}

TEST_CASE("factors are refused where they would be wrong") {
  const oracle::weights w = tests::random_weights(
      {.neurons_per_head = 64, .heads = 2, .hubs = 12, .vocabulary = 20, .layers = 3}, 21);
  const bdh::model m = tests::as_graph(w, "gpu-release");
  bdh::simulator brain(m, bdh::cpu_engine(m));
  CHECK_THROWS_WITH_AS(bdh::hebbian_trace(brain, {4}, bdh::probe_factor::w),
                       "layer: 4, expected 1 to 3", bdh::input_error);
  {
    bdh::hebbian_trace kept(brain, {2}, bdh::probe_factor::w);
    brain.step(3);
    CHECK_THROWS_AS(kept.of(3), bdh::input_error);
    CHECK_THROWS_AS(kept.of(2).strength({0, 128}), bdh::input_error);
    brain.interventions().add(bdh::parse_intervention(m, "freeze"));
    CHECK_THROWS_AS(brain.step(3), bdh::unavailable_error);
  }
  brain.clear_synapses();
  brain.step(3);  // no trace follows any more
}

TEST_CASE(
    "the amplitude of two synapses that turn together does not depend on how long ago they were "
    "written; their strengths do") {
  const oracle::weights w = tests::random_weights(
      {.neurons_per_head = 64, .heads = 2, .hubs = 12, .vocabulary = 20, .layers = 3}, 21);
  const bdh::model m = tests::as_graph(w, "gpu-release");
  constexpr bdh::neuron_id even = 6, target = 17;
  const double frequency = m.rotation().frequency()[even / 2];
  REQUIRE(frequency > 0);
  // W of the target and X of both neurons at token 0, and never again.
  const auto once = [&](std::vector<std::pair<bdh::neuron_id, float>> values) {
    bdh::neuron_events e;
    e.offset.assign(m.neurons() + 1, 0);
    for (const auto& [neuron, value] : values) {
      for (bdh::neuron_id i = neuron + 1; i <= m.neurons(); ++i) ++e.offset[i];
      e.token.push_back(0);
      e.value.push_back(value);
    }
    return e;
  };
  for (const double u : {1.0, 0.9}) {
    double least = 1e9, most = -1e9;
    for (std::uint32_t age = 1; age <= 60; ++age) {
      CAPTURE(age);
      const bdh::layer_factors text(m, u, age, once({{target, 2.0f}}),
                                    once({{even, 0.3f}, {even + 1, 0.4f}}));
      const double decayed = 2 * 0.5 * std::pow(u, age);  // W times the length of (0.3, 0.4)
      CHECK(text.amplitude({even, target}) == doctest::Approx(decayed).epsilon(1e-6));
      CHECK(text.amplitude({even + 1, target}) == text.amplitude({even, target}));
      const double turned = 2 * std::numbers::pi * frequency * age;
      CHECK(
          text.strength({even, target}) ==
          doctest::Approx(2 * std::pow(u, age) * (0.3 * std::cos(turned) + 0.4 * std::sin(turned)))
              .epsilon(1e-5));
      least = std::min(least, text.strength({even, target}) / std::pow(u, age));
      most = std::max(most, text.strength({even, target}) / std::pow(u, age));
    }
    CHECK(most - least > 1);
  }
}

TEST_CASE("with explicit edges, amplitudes are those of both strengths, whatever their rates") {
  const oracle::circuits c = tests::random_circuits({.neurons = 40,
                                                     .vocabulary = 7,
                                                     .layers = 2,
                                                     .degree = 6,
                                                     .rotates = true,
                                                     .own_retention = true,
                                                     .retention = 0.95},
                                                    8);
  const bdh::model m = tests::as_direct_graph(c, "normfree", nullptr, true);
  bdh::simulator brain(m, bdh::cpu_engine(m));
  bdh::hebbian_trace kept(brain, {1}, bdh::probe_factor::w);
  for (int t : tests::random_tokens(12, 7, 3)) brain.step(static_cast<bdh::token_id>(t));
  const bdh::layer_factors of = kept.of(1);
  int moving = 0;
  for (bdh::neuron_id i = 0; i < 40; ++i)
    for (bdh::neuron_id j = 0; j < 40; ++j) {
      const double a = of.strength({i, j}), b = of.strength({i ^ 1, j}),
                   expected = std::sqrt(a * a + b * b);
      CHECK(of.amplitude({i, j}) == static_cast<float>(expected));
      CHECK(of.amplitude({i, j}, bdh::plasticity_of(m, of.retention(), {i, j})) ==
            static_cast<float>(expected));
      moving += expected != 0;
    }
  CHECK(moving > 100);
}
