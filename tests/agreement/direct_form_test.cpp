// Explicit edges made from a model through hubs: complete, the same model; pruned, those edges that
// a plain sort would keep.
#include "core/model/direct_form.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>
#include <bdh/import_checkpoint.hpp>
#include <bdh/simulator.hpp>

#include "core/analysis/calibration.hpp"
#include "io/recording/reference_outputs.hpp"
#include "support/models.hpp"

namespace {

const bdh::engine_factory make_engine = [](const bdh::model& m) { return bdh::cpu_engine(m); };

double relative_difference(std::span<const float> actual, std::span<const float> expected) {
  REQUIRE(actual.size() == expected.size());
  double worst = 0, largest = 1e-30;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(actual[i]) - expected[i]));
    largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
  }
  return worst / largest;
}

bdh::model small_model(const std::string& variant = "gpu-release", double retention = 1) {
  oracle::weights w = tests::random_weights({.neurons_per_head = 40,
                                             .heads = variant == "gpu-release" ? 2 : 1,
                                             .hubs = 10,
                                             .vocabulary = 11,
                                             .layers = 3,
                                             .rotates = true},
                                            5);
  w.retention = retention;
  return tests::as_graph(w, variant);
}

const std::vector<std::vector<bdh::token_id>> windows{
    {1, 4, 2, 4, 9, 3, 3, 0, 10, 4}, {7, 7, 1}, {5}};

struct entry {
  std::size_t place;
  float weight, score;
  bool excitatory;
};

// The circuit's edges as (row * columns + column), ascending, with the score that they are ranked
// by.
template <class Weigh>
std::vector<entry> entries(const bdh::projection& excitatory, const bdh::projection& inhibitory,
                           Weigh weigh) {
  std::vector<entry> all;
  for (const bdh::projection* p : {&excitatory, &inhibitory})
    for (std::size_t r = 0; r < p->rows(); ++r)
      for (bdh::edge_id e = p->indptr()[r]; e < p->indptr()[r + 1]; ++e)
        all.push_back({r * p->columns() + p->indices()[e], p->weights()[e],
                       p->weights()[e] * static_cast<float>(weigh(r, p->indices()[e])),
                       p == &excitatory});
  std::sort(all.begin(), all.end(),
            [](const entry& a, const entry& b) { return a.place < b.place; });
  return all;
}

// A sort over all edges must choose the ones that the pruned circuit has.
template <class Weigh>
void check_kept(const bdh::projection* complete, const bdh::projection* pruned, double share,
                Weigh weigh) {
  std::vector<entry> all = entries(complete[0], complete[1], weigh);
  const std::vector<entry> found = entries(pruned[0], pruned[1], weigh);
  const auto pairs = static_cast<double>(complete[0].rows()) * complete[0].columns();
  std::stable_sort(all.begin(), all.end(),
                   [](const entry& a, const entry& b) { return a.score > b.score; });
  REQUIRE(found.size() == static_cast<std::size_t>(std::llround(share * pairs)));
  all.resize(found.size());
  std::sort(all.begin(), all.end(),
            [](const entry& a, const entry& b) { return a.place < b.place; });
  for (std::size_t i = 0; i < found.size(); ++i) {
    CHECK(found[i].place == all[i].place);
    CHECK(found[i].weight == all[i].weight);
    CHECK(found[i].excitatory == all[i].excitatory);
  }
}

std::vector<double> weight_of(std::span<const double> mean_square) {
  double mean = 0;
  for (double v : mean_square) mean += v / static_cast<double>(mean_square.size());
  std::vector<double> weight;
  for (double v : mean_square) weight.push_back(static_cast<float>(std::sqrt(v + 0.1 * mean)));
  return weight;
}

}  // namespace

TEST_CASE("complete, it gives the logits of the released code") {
  const bdh::model hubs =
      bdh::import_checkpoint(BDH_SOURCE_DIR "/tests/data/random-64/model.safetensors");
  const bdh::direct_form form = bdh::as_direct(hubs);
  CHECK(form.synapses_kept == 64u * (64 + 256));
  CHECK(form.partners_added == 0);
  const bdh::reference_outputs expected =
      bdh::read_reference_outputs(BDH_SOURCE_DIR "/tests/data/random-64/expected.h5");
  bdh::simulator brain(form.graph, bdh::cpu_engine(form.graph));
  for (std::size_t t = 0; t < expected.tokens.size(); ++t) {
    CAPTURE(t);
    brain.step(expected.tokens[t]);
    CHECK(relative_difference(brain.logits(), std::span(expected.logits).subspan(t * 256, 256)) <
          1e-4);
  }
}

TEST_CASE("complete, it is the model through hubs, in every variant that has such models") {
  for (const std::string variant : {"gpu-release", "gpu-paper", "normfree", "bdh"}) {
    CAPTURE(variant);
    const bdh::model hubs = small_model(variant, 0.95);
    const bdh::direct_form form = bdh::as_direct(hubs);
    bdh::simulator a(hubs, bdh::cpu_engine(hubs)), b(form.graph, bdh::cpu_engine(form.graph));
    for (const bdh::token_id token : windows[0]) {
      a.step(token);
      b.step(token);
      CHECK(relative_difference(b.logits(), a.logits()) < 1e-4);
    }
  }
}

TEST_CASE("calibration through hubs sees what the complete direct form does") {
  const bdh::model hubs = small_model("gpu-release", 0.9);
  const bdh::calibration seen =
      bdh::calibrate(hubs, make_engine, windows, {.pairs = true, .threads = 2, .after_window = {}});
  const bdh::model direct = bdh::as_direct(hubs).graph;
  const std::size_t sources = direct.sources();
  std::vector<double> w2(sources), pairs(direct.neurons() * sources);
  std::size_t samples = 0;
  bdh::simulator brain(direct, bdh::cpu_engine(direct));
  brain.observe([&](bdh::layer_id, bdh::moment at) {
    if (at != bdh::moment::x_ready) return;
    const auto x = brain.read(bdh::variable::x), w = brain.read(bdh::variable::w);
    for (std::size_t j = 0; j < sources; ++j) w2[j] += static_cast<double>(w[j]) * w[j];
    for (std::size_t i = 0; i < x.size(); ++i)
      for (std::size_t j = 0; j < sources; ++j)
        pairs[i * sources + j] += static_cast<double>(x[i]) * w[j];
    ++samples;
  });
  for (const auto& window : windows) {
    brain.clear_synapses();
    for (const bdh::token_id token : window) brain.step(token);
  }
  for (std::size_t j = 0; j < sources; ++j)
    CHECK(seen.w[j] == doctest::Approx(w2[j] / static_cast<double>(samples)).epsilon(1e-4));
  REQUIRE(seen.pairs.size() == pairs.size());
  double worst = 0;
  for (std::size_t e = 0; e < pairs.size(); ++e)
    worst = std::max(worst, std::abs(seen.pairs[e] - pairs[e]));
  CHECK(worst < 1e-4 * *std::max_element(pairs.begin(), pairs.end()));
}

TEST_CASE(
    "pruned circuits hold the edges that a sort would choose, with the weights of the complete "
    "ones") {
  const bdh::model hubs = small_model();
  const bdh::calibration seen = bdh::calibrate(hubs, make_engine, windows);
  const bdh::model whole = bdh::as_direct(hubs).graph;
  const auto& c = whole.direct();
  const bdh::projection gx[] = {c.gx_excitatory.copy(), c.gx_inhibitory.copy()},
                        gy[] = {c.gy_excitatory.copy(), c.gy_inhibitory.copy()};
  for (const bdh::ranking rank : {bdh::ranking::activity, bdh::ranking::magnitude})
    for (const double share : {0.5, 0.1, 0.01}) {
      CAPTURE(share);
      const bdh::model pruned = bdh::as_direct(hubs, {share, share / 2, 1, rank}, &seen).graph;
      const auto& p = pruned.direct();
      const bdh::projection px[] = {p.gx_excitatory.copy(), p.gx_inhibitory.copy()},
                            py[] = {p.gy_excitatory.copy(), p.gy_inhibitory.copy()};
      std::vector<double> w(hubs.sources(), 1.0);
      if (rank == bdh::ranking::activity) w = weight_of(seen.w);
      check_kept(gx, px, share, [&](std::size_t j, std::size_t) { return w[j]; });
      check_kept(gy, py, share / 2, [&](std::size_t, std::size_t j) { return w[j]; });
      CHECK(p.gs.edges() == c.gs.edges());
    }
}

TEST_CASE("pruned synapses are the ones written most, and their partners at rate 0") {
  const bdh::model hubs = small_model();
  const bdh::calibration seen =
      bdh::calibrate(hubs, make_engine, windows, {.pairs = true, .threads = 1, .after_window = {}});
  const bdh::direct_form form = bdh::as_direct(hubs, {1, 1, 0.1, bdh::ranking::magnitude}, &seen);
  const bdh::projection& gs = form.graph.direct().gs;
  const auto count = static_cast<bdh::edge_id>(std::llround(0.1 * hubs.neurons() * hubs.sources()));
  CHECK(form.synapses_kept == count);
  CHECK(gs.edges() == count + form.partners_added);
  CHECK(form.partners_added > 0);
  float least_kept = 1e30f, most_dropped = 0;
  for (bdh::neuron_id i = 0; i < hubs.neurons(); ++i)
    for (bdh::neuron_id j = 0; j < hubs.sources(); ++j) {
      const auto e = gs.find(i, j), partner = gs.find(i ^ 1, j);
      const float sum = seen.pairs[std::size_t{i} * hubs.sources() + j];
      CHECK(e.has_value() == partner.has_value());
      if (e && gs.weights()[*e] == 1) least_kept = std::min(least_kept, sum);
      if (!e || gs.weights()[*e] == 0) most_dropped = std::max(most_dropped, sum);
    }
  CHECK(least_kept >= most_dropped);
  bdh::simulator brain(form.graph, bdh::cpu_engine(form.graph));
  for (const bdh::token_id token : windows[0]) brain.step(token);
}

TEST_CASE("what cannot be pruned is refused with the reason") {
  const bdh::model hubs = small_model();
  CHECK_THROWS_WITH_AS(bdh::as_direct(hubs, {.keep_gx = 0}), "keep_gx: 0, expected 0 < share <= 1",
                       bdh::input_error);
  CHECK_THROWS_WITH_AS(bdh::as_direct(hubs, {.keep_gy = 0.5}),
                       "calibration: none, expected what the model did on a text, to rank by",
                       bdh::input_error);
  const bdh::calibration seen = bdh::calibrate(hubs, make_engine, windows);
  CHECK_THROWS_WITH_AS(bdh::as_direct(hubs, {.keep_gs = 0.5}, &seen),
                       "calibration: no sums over pairs, expected them, to rank synapses by",
                       bdh::input_error);
  CHECK_THROWS_AS(bdh::as_direct(small_model("bdh"), {.keep_gx = 0.5}, &seen), bdh::shape_error);
  CHECK_THROWS_AS(bdh::as_direct(bdh::as_direct(hubs).graph), bdh::input_error);
  CHECK_THROWS_AS(bdh::calibrate(hubs, make_engine, {}), bdh::input_error);
  const std::vector<std::vector<bdh::token_id>> foreign{{1, 11}};
  CHECK_THROWS_AS(bdh::calibrate(hubs, make_engine, foreign), bdh::input_error);
}
