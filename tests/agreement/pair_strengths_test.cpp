// The strengths of all pairs of neurons through hubs, against probes, which accumulate each of them
// in double precision.
#include "core/analysis/pair_strengths.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>

#include "support/models.hpp"

namespace {

using bdh::probe_factor;

bdh::model small(bool rotates, const std::string& variant = "gpu-release") {
  return tests::as_graph(tests::random_weights({.neurons_per_head = 16,
                                                .heads = variant == "gpu-release" ? 2 : 1,
                                                .hubs = 8,
                                                .vocabulary = 20,
                                                .layers = 3,
                                                .rotates = rotates},
                                               21),
                         variant);
}

bdh::simulator simulator_of(const bdh::model& m, double retention) {
  return bdh::simulator(m, bdh::cpu_engine(m, {.sites = 2, .retention = retention}));
}

void probe_all(bdh::simulator& brain, bdh::layer_id layer, probe_factor factor) {
  for (bdh::neuron_id i = 0; i < brain.model().neurons(); ++i)
    for (bdh::neuron_id j = 0; j < brain.model().neurons(); ++j)
      brain.probes().add({{i, j}, layer, factor});
}

// The pairs that are not 0, with the strengths of the probes, the strongest first.
std::vector<bdh::weighted_pair> by_probes(const bdh::simulator& brain, bdh::layer_id layer,
                                          probe_factor factor) {
  std::vector<bdh::weighted_pair> all;
  for (std::size_t p = 0; p < brain.probes().size(); ++p) {
    const bdh::probe_spec& what = brain.probes().what(p);
    const auto strength = static_cast<float>(brain.probes().strength(p));
    if (what.layer == layer && what.factor == factor && strength != 0)
      all.push_back({what.pair, strength});
  }
  std::ranges::stable_sort(all, std::greater(),
                           [](const bdh::weighted_pair& p) { return std::abs(p.weight); });
  return all;
}

// The strongest `count` agree in number and sizes with those of the probes, each pair with its
// probe.
void check_against_probes(bdh::pair_strengths& all, const bdh::simulator& brain,
                          bdh::layer_id layer, probe_factor factor, std::size_t count) {
  const auto expected = by_probes(brain, layer, factor);
  const auto found = all.strongest(count);
  const float most = expected.empty() ? 0 : std::abs(expected.front().weight);
  const std::size_t listed = std::min(count, expected.size());
  // What turns to nothing but rounding may be 0 in one of them.
  REQUIRE(found.size() <= count);
  if (listed == count) REQUIRE(found.size() == count);
  for (std::size_t k = 0; k < std::min(found.size(), listed); ++k) {
    CHECK(std::abs(std::abs(found[k].weight) - std::abs(expected[k].weight)) < 2e-5 * most);
    const double probed = *brain.probes().strength({found[k].pair, layer, factor});
    CHECK(std::abs(found[k].weight - probed) < 2e-5 * most);
    CHECK(all.strength(found[k].pair) == found[k].weight);
  }
}

}  // namespace

TEST_CASE("pairs have the strengths of probes: rotation, retention, variants, both factors") {
  for (const std::string variant : {"gpu-release", "gpu-paper", "normfree"})
    for (const bool rotates : {true, false})
      for (const double retention : {1.0, 0.9})
        for (const auto factor : {probe_factor::w, probe_factor::y}) {
          CAPTURE(variant);
          CAPTURE(rotates);
          CAPTURE(retention);
          const bdh::model m = small(rotates, variant);
          bdh::simulator brain = simulator_of(m, retention);
          const auto work = bdh::default_executor(2);
          bdh::pair_strengths second(m, retention, 2, factor, *work),
              first(m, retention, 1, factor, *work);
          second.follow(brain);
          first.follow(brain);
          probe_all(brain, 2, factor);
          for (const int t : tests::random_tokens(60, 20, 4)) {
            brain.step(static_cast<bdh::token_id>(t));
            second.settle();
          }
          CHECK(by_probes(brain, 2, factor).size() > 100);
          check_against_probes(second, brain, 2, factor, 50);
          check_against_probes(second, brain, 2, factor, 100'000);
          CHECK(first.strongest(10).empty());  // no neuron acts before layer 1
        }
}

TEST_CASE("interventions act on pairs as they do on probes") {
  for (const bool rotates : {true, false})
    for (const auto factor : {probe_factor::w, probe_factor::y}) {
      CAPTURE(rotates);
      const bdh::model m = small(rotates);
      bdh::simulator brain = simulator_of(m, 0.95);
      const auto work = bdh::default_executor(1);
      bdh::pair_strengths all(m, 0.95, 2, factor, *work);
      all.follow(brain);
      probe_all(brain, 2, factor);
      if (factor == probe_factor::y) probe_all(brain, 2, probe_factor::w);  // set needs these
      for (const char* text :
           {"freeze tokens 3-5", "reset at 12", "set synapses:3->7,2->7 4.5 layers 2 at 20",
            "reset synapses:4->9,5->1 layers 2 at 25", "silence x:1-4 tokens 8-9",
            "lesion 11 from 14", "freeze layers 3 from 2", "reset layers 1,3 at 30",
            "lesion synapses:6->7 from 22"})
        brain.interventions().add(bdh::parse_intervention(m, text));
      std::uint64_t at = 0;
      for (const int t : tests::random_tokens(40, 20, 5)) {
        brain.step(static_cast<bdh::token_id>(t));
        if (++at % 4 == 1) check_against_probes(all, brain, 2, factor, 2000);
      }
    }
}

TEST_CASE(
    "no bit depends on threads, sites, on how often one looks, on settling, or on what is kept") {
  const bdh::model m = small(true);
  const auto of = [&](std::size_t threads, bdh::site_id sites, std::uint64_t look, bool settles,
                      bdh::kept_pairs kept = bdh::kept_pairs::strengths) {
    bdh::simulator brain(m, bdh::cpu_engine(m, {.sites = sites, .retention = 0.97}));
    const auto work = bdh::default_executor(threads);
    bdh::pair_strengths all(m, 0.97, 3, probe_factor::w, *work, kept);
    all.follow(brain);
    brain.interventions().add(bdh::parse_intervention(m, "reset at 40"));
    for (const int t : tests::random_tokens(90, 20, 6)) {
      brain.step(static_cast<bdh::token_id>(t));
      if (settles) all.settle();
      if (look != 0 && brain.tokens() % look == 0) all.strongest(3);
    }
    return all.strongest(400);
  };
  const auto expected = of(1, 1, 0, false);
  REQUIRE(expected.size() == 400);
  for (const auto& other : {of(3, 2, 1, true), of(2, 4, 7, false), of(1, 1, 0, true),
                            of(1, 1, 0, true, bdh::kept_pairs::history),
                            of(3, 2, 9, false, bdh::kept_pairs::history)}) {
    REQUIRE(other.size() == expected.size());
    for (std::size_t k = 0; k < other.size(); ++k) {
      CHECK(other[k].pair == expected[k].pair);
      CHECK(other[k].weight == expected[k].weight);
    }
  }
}

TEST_CASE("strengths begin again where another simulator reads the tokens") {
  const bdh::model m = small(true);
  const auto tokens = tests::random_tokens(30, 20, 7);
  const auto work = bdh::default_executor(1);
  bdh::simulator whole = simulator_of(m, 1), again = simulator_of(m, 1), rest = simulator_of(m, 1);
  bdh::pair_strengths of_whole(m, 1, 2, probe_factor::w, *work),
      of_rest(m, 1, 2, probe_factor::w, *work);
  of_whole.follow(whole);
  for (const int t : tokens) whole.step(static_cast<bdh::token_id>(t));
  of_rest.follow(again);
  for (std::size_t k = 0; k < 20; ++k) again.step(static_cast<bdh::token_id>(tokens[k]));
  rest.restore(again.save());
  of_rest.follow(rest);
  for (std::size_t k = 20; k < tokens.size(); ++k) rest.step(static_cast<bdh::token_id>(tokens[k]));
  const auto a = of_whole.strongest(100), b = of_rest.strongest(100);
  REQUIRE(a.size() == 100);
  REQUIRE(b.size() == 100);
  for (std::size_t k = 0; k < a.size(); ++k) {
    CHECK(a[k].pair == b[k].pair);
    CHECK(a[k].weight == b[k].weight);
  }
}

TEST_CASE("explicit edges and layers that are not there are refused") {
  const auto work = bdh::default_executor(1);
  const bdh::model m = small(true);
  CHECK_THROWS_AS(bdh::pair_strengths(m, 1, 4, probe_factor::w, *work), bdh::input_error);
  const bdh::model direct =
      tests::as_direct_graph(tests::random_circuits({}, 1), "normfree", nullptr, false);
  CHECK_THROWS_AS(bdh::pair_strengths(direct, 1, 1, probe_factor::w, *work),
                  bdh::unavailable_error);
}
