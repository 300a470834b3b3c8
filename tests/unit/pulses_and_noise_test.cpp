// Interventions in pulses, along courses and at random: when they hold, and what they then are.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>
#include <bdh/simulator.hpp>

#include "support/models.hpp"

namespace {

bdh::model hubs() {
  return tests::as_graph(
      tests::random_weights(
          {.neurons_per_head = 24, .heads = 2, .hubs = 8, .vocabulary = 11, .layers = 2}, 5),
      "gpu-release");
}

bdh::model direct() {
  return tests::as_direct_graph(tests::random_circuits({.neurons = 30, .vocabulary = 11}, 5), "bdh",
                                nullptr, false);
}

std::vector<std::uint64_t> positions(const bdh::intervention& p, std::uint64_t end = 30) {
  std::vector<std::uint64_t> all;
  for (std::uint64_t t = 0; t < end; ++t)
    if (p.during(t)) all.push_back(t);
  return all;
}

using list = std::vector<std::uint64_t>;

// The logits of every token, one after the other.
std::vector<float> run(const bdh::model& m, const std::vector<std::string>& texts,
                       bdh::site_id sites = 1) {
  bdh::simulator brain(
      m, bdh::cpu_engine(
             m, {.sites = sites, .instructions = bdh::instruction_set::best, .retention = {}}));
  for (const std::string& text : texts) brain.interventions().add(bdh::parse_intervention(m, text));
  std::vector<float> all;
  for (const int t : tests::random_tokens(20, 11, 8)) {
    brain.step(static_cast<bdh::token_id>(t));
    all.insert(all.end(), brain.logits().begin(), brain.logits().end());
    for (const bdh::variable v : {bdh::variable::x, bdh::variable::y}) {
      const auto values = brain.read(v);
      all.insert(all.end(), values.begin(), values.end());
    }
  }
  return all;
}

struct moments {
  double mean = 0, variance = 0;
};
moments of(const std::vector<double>& values) {
  moments m;
  for (double v : values) m.mean += v / static_cast<double>(values.size());
  for (double v : values)
    m.variance += (v - m.mean) * (v - m.mean) / static_cast<double>(values.size() - 1);
  return m;
}
double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  const moments of_a = of(a), of_b = of(b);
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += (a[k] - of_a.mean) * (b[k] - of_b.mean);
  return sum / static_cast<double>(a.size() - 1) / std::sqrt(of_a.variance * of_b.variance);
}

}  // namespace

TEST_CASE("positions of pulses") {
  const bdh::model m = hubs();
  const auto at = [&](const std::string& text) {
    return positions(bdh::parse_intervention(m, "silence x:3 " + text));
  };
  CHECK(at("at 5") == list{5});
  CHECK(at("at 5 for 3") == list{5, 6, 7});
  CHECK(at("at 0,10,20") == list{0, 10, 20});
  CHECK(at("at 0,10,20 for 2") == list{0, 1, 10, 11, 20, 21});
  CHECK(at("every 12") == list{0, 12, 24});
  CHECK(at("from 4 every 12") == list{4, 16, 28});
  CHECK(at("at 4 every 12") == list{4, 16, 28});
  CHECK(at("tokens 4-17 every 12 for 3") == list{4, 5, 6, 16, 17});
  CHECK(at("layers 2 every 12 for 2") == list{0, 1, 12, 13, 24, 25});
  const auto ends = [&](const std::string& text) {
    const auto p = bdh::parse_intervention(m, "silence x:3 " + text);
    return std::pair(p.first_position(), p.last_position());
  };
  constexpr auto never = std::numeric_limits<std::uint64_t>::max();
  CHECK(ends("at 5 for 3") == std::pair<std::uint64_t, std::uint64_t>(5, 7));
  CHECK(ends("at 2,10 for 3") == std::pair<std::uint64_t, std::uint64_t>(2, 12));
  CHECK(ends("tokens 4-40 every 12 for 3") == std::pair<std::uint64_t, std::uint64_t>(4, 40));
  CHECK(ends("tokens 4-41 every 12 for 3") == std::pair<std::uint64_t, std::uint64_t>(4, 41));
  CHECK(ends("tokens 4-39 every 12") == std::pair<std::uint64_t, std::uint64_t>(4, 28));
  CHECK(ends("every 5") == std::pair<std::uint64_t, std::uint64_t>(0, never));
}

TEST_CASE("texts of pulses, courses and noise are read and written") {
  const bdh::model m = hubs();
  const auto again = [&](const std::string& text) {
    const auto p = bdh::parse_intervention(m, text);
    CHECK(bdh::parse_intervention(m, bdh::describe(m, p)) == p);
    return bdh::describe(m, p);
  };
  CHECK(again("stimulate x:3 0.1,0.25 every 10") == "stimulate x:3 0.1,0.25 from 0 every 10");
  CHECK(again("stimulate x:3 0.1,0.25 at 4") == "stimulate x:3 0.1,0.25 at 4");
  CHECK(again("clamp y:3 0.5 at 1,9 for 2") == "clamp y:3 0.5 at 1,9 for 2");
  CHECK(again("lesion 3 at 7 for 2") == "lesion 3 tokens 7-8");
  CHECK(again("reset every 50") == "reset from 0 every 50");
  CHECK(again("noise x:3,4 gaussian 0 0.1 seed 7 stream 2 layers 1") ==
        "noise x:3,4 gaussian 0 0.1 seed 7 stream 2 layers 1 from 0");
  CHECK(again("noise y:3 poisson 0.5 -2 tokens 3-9") == "noise y:3 poisson 0.5 -2 tokens 3-9");
  // As the functions make them.
  CHECK(static_cast<const bdh::intervention&>(
            bdh::stimulate(bdh::variable::x, {3}, 0.1).every(10).lasting(2)) ==
        bdh::parse_intervention(m, "stimulate x:3 0.1 every 10 for 2"));
  CHECK(static_cast<const bdh::intervention&>(
            bdh::poisson_noise(bdh::variable::y, {3}, 0.5, 2).stream(3).seed(9)) ==
        bdh::parse_intervention(m, "noise y:3 poisson 0.5 2 seed 9 stream 3"));
}

TEST_CASE("what contradicts itself is refused") {
  const bdh::model m = hubs();
  for (const char* text : {"silence x:3 for 3",
                           "silence x:3 at 0,2 for 3",
                           "silence x:3 every 2 for 3",
                           "silence x:3 every 0",
                           "silence x:3 at 5,5",
                           "silence x:3 at 5,4",
                           "silence x:3 at 1,",
                           "silence x:3 at 0,10 every 5",
                           "silence x:3 every 5 every 6",
                           "reset at 5 for 2",
                           "stimulate x:3 0.1,0.2 at 5 for 3",
                           "stimulate x:3 0.1,",
                           "clamp x:3 0.1,-1 at 5",
                           "stimulate x:3 0.1,nan",
                           "noise x:3 0.1",
                           "noise 3 gaussian 0 1",
                           "noise x:3 gaussian 0 -1",
                           "noise x:3 poisson 501 1",
                           "noise x:3 poisson -1 1",
                           "noise x:3 gaussian 0",
                           "noise x:3 uniform 0 1",
                           "noise x:3 gaussian 0 1 stream 0",
                           "silence x:3 seed 4",
                           "noise x:3 gaussian 0 1e39",
                           "noise x:3 gaussian 0 1 seed -1"})
    CHECK_THROWS_AS_MESSAGE(bdh::parse_intervention(m, text), bdh::input_error, text);
}

TEST_CASE("a series is what its single interventions are, bit for bit") {
  for (const bdh::model& m : {hubs(), direct()}) {
    CAPTURE(m.is_direct());
    CHECK(run(m, {"stimulate x:3,5 0.4 at 2,9 for 2"}) ==
          run(m, {"stimulate x:3,5 0.4 tokens 2-3", "stimulate x:3,5 0.4 tokens 9-10"}));
    CHECK(run(m, {"stimulate x:3,5 0.4,0.2 every 8"}) ==
          run(m, {"stimulate x:3,5 0.4 at 0", "stimulate x:3,5 0.2 at 1",
                  "stimulate x:3,5 0.4 at 8", "stimulate x:3,5 0.2 at 9",
                  "stimulate x:3,5 0.4 at 16", "stimulate x:3,5 0.2 at 17"}));
    CHECK(run(m, {"clamp y:7 0.5 from 3 every 6"}) ==
          run(m, {"clamp y:7 0.5 at 3", "clamp y:7 0.5 at 9", "clamp y:7 0.5 at 15"}));
    CHECK(run(m, {"reset every 7"}) == run(m, {"reset at 0", "reset at 7", "reset at 14"}));
    CHECK(run(m, {"freeze from 2 every 5 for 2"}) ==
          run(m, {"freeze tokens 2-3", "freeze tokens 7-8", "freeze tokens 12-13",
                  "freeze tokens 17-18"}));
    CHECK(run(m, {"reset every 7"}) != run(m, {}));
  }
}

TEST_CASE("noise is the currents that it draws, on any number of sites") {
  for (const bdh::model& m : {hubs(), direct()}) {
    CAPTURE(m.is_direct());
    const std::string text = "noise x:3,5,11 gaussian 0.1 0.4 seed 9 tokens 2-6";
    const bdh::intervention p = [&] {
      bdh::intervention made = bdh::parse_intervention(m, text);
      made.noise.stream = 1;
      return made;
    }();
    std::vector<std::string> currents;
    for (std::uint64_t t = 2; t <= 6; ++t)
      for (bdh::layer_id l = 1; l <= m.layers(); ++l)
        for (const bdh::neuron_id i : p.neurons) {
          char value[40];
          std::snprintf(value, sizeof value, "%.17g", p.noise_at(t, l, i));
          currents.push_back("stimulate x:" + std::to_string(i) + " " + value + " layers " +
                             std::to_string(l) + " at " + std::to_string(t));
        }
    CHECK(run(m, {text}) == run(m, currents));
    CHECK(run(m, {text}) == run(m, {text}, 3));
    CHECK(run(m, {text}) != run(m, {}));
    // Another seed, another stream: another noise. Two noises are numbered.
    CHECK(run(m, {text}) != run(m, {"noise x:3,5,11 gaussian 0.1 0.4 seed 8 tokens 2-6"}));
    CHECK(run(m, {text, text}) ==
          run(m, {text, "noise x:3,5,11 gaussian 0.1 0.4 seed 9 stream 2 tokens 2-6"}));
    // Among the noises alone.
    CHECK(run(m, {"freeze at 1", text}) ==
          run(m, {"freeze at 1", "noise x:3,5,11 gaussian 0.1 0.4 seed 9 stream 1 tokens 2-6"}));
  }
}

TEST_CASE("mean, variance and independence of noise") {
  constexpr std::uint64_t draws = 40'000;
  const double error = 1 / std::sqrt(static_cast<double>(draws));
  bdh::intervention gauss = bdh::gaussian_noise(bdh::variable::x, {0}, 0.3, 2).seed(4).stream(1);
  bdh::intervention spikes = bdh::poisson_noise(bdh::variable::x, {0}, 1.5, 2).seed(4).stream(1);
  for (const bdh::intervention& p : {gauss, spikes}) {
    const bool gaussian = p.noise.by == bdh::noise_current::law::gaussian;
    CAPTURE(gaussian);
    bdh::intervention seed = p, stream = p, on_y = p;
    seed.noise.seed = 5;
    stream.noise.stream = 2;
    on_y.on = bdh::target::y;
    // One neuron over time; and what should have nothing to do with it.
    std::vector<double> base, later, layer, neuron, other_seed, other_stream, y;
    for (std::uint64_t t = 0; t < draws; ++t) {
      base.push_back(p.noise_at(t, 1, 7));
      later.push_back(p.noise_at(t + 1, 1, 7));
      layer.push_back(p.noise_at(t, 2, 7));
      neuron.push_back(p.noise_at(t, 1, 8));
      other_seed.push_back(seed.noise_at(t, 1, 7));
      other_stream.push_back(stream.noise_at(t, 1, 7));
      y.push_back(on_y.noise_at(t, 1, 7));
    }
    const double mean = gaussian ? 0.3 : 1.5 * 2, variance = gaussian ? 4 : 1.5 * 4;
    const moments found = of(base);
    CHECK(std::abs(found.mean - mean) < 4 * error * std::sqrt(variance));
    CHECK(std::abs(found.variance / variance - 1) < 6 * error);
    for (const auto* other : {&later, &layer, &neuron, &other_seed, &other_stream, &y})
      CHECK(std::abs(correlation(base, *other)) < 4 * error);
  }
  // The law itself: P(k) = rate^k exp(-rate) / k!, also where rates are high.
  for (const double rate : {0.0, 0.2, 3.0, 40.0, 500.0}) {
    CAPTURE(rate);
    bdh::intervention p = bdh::poisson_noise(bdh::variable::x, {0}, rate, 1).seed(1).stream(1);
    std::vector<double> counts;
    for (std::uint64_t t = 0; t < draws; ++t) counts.push_back(p.noise_at(t, 1, 0));
    CHECK(std::abs(of(counts).mean - rate) <= 4 * error * std::sqrt(rate));
    CHECK(std::abs(of(counts).variance - rate) <= 4 * error * std::sqrt(rate + 2 * rate * rate));
    const auto share = [&](double k) {
      return static_cast<double>(std::count(counts.begin(), counts.end(), k)) / draws;
    };
    const double zero = std::exp(-rate);
    CHECK(std::abs(share(0) - zero) <= 4 * error * std::sqrt(zero * (1 - zero)) + 1e-12);
  }
}
