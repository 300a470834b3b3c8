// Every way of running the same model gives the same bits: sites, threads, instruction sets,
// storage, observing, saving.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>
#include <bdh/simulator.hpp>

#include "core/simulation/engine.hpp"
#include "kernels/cpu/cpu_kernels.hpp"
#include "support/instruction_sets.hpp"
#include "support/models.hpp"
#include "support/outcome.hpp"

namespace {

using tests::outcome;
using tests::same_bits;

outcome run(bdh::simulator& brain, const std::vector<int>& tokens) {
  outcome o;
  for (int t : tokens) {
    o.reports.push_back(brain.step(static_cast<bdh::token_id>(t)));
    o.logits.insert(o.logits.end(), brain.logits().begin(), brain.logits().end());
  }
  o.synapses = brain.save().layers;
  return o;
}

outcome run(const bdh::model& m, const std::vector<int>& tokens, const bdh::cpu_options& cpu,
            std::size_t threads = 1) {
  bdh::simulator brain(m, bdh::cpu_engine(m, cpu), {.threads = threads});
  return run(brain, tokens);
}

const tests::shape shape{.neurons_per_head = 200,
                         .heads = 3,
                         .hubs = 45,
                         .vocabulary = 13,
                         .layers = 3,
                         .rotates = true};

}  // namespace

TEST_CASE("sites and threads do not change a bit") {
  oracle::weights w = tests::random_weights(shape, 1);
  w.retention = 0.97;
  const bdh::model m = tests::as_graph(w, "gpu-release");
  const auto tokens = tests::random_tokens(25, shape.vocabulary, 1);
  const outcome one = run(m, tokens, {});
  for (bdh::site_id sites : {1u, 2u, 3u, 7u, 60u})
    for (std::size_t threads : {1u, 2u, 4u}) {
      CAPTURE(sites);
      CAPTURE(threads);
      const outcome other = run(
          m, tokens, {.sites = sites, .instructions = bdh::instruction_set::best, .retention = {}},
          threads);
      CHECK(same_bits(one, other));
      CHECK(one.reports.back().active_y == other.reports.back().active_y);
      CHECK(one.reports.back().synaptic_events == other.reports.back().synaptic_events);
      CHECK((sites == 1) == (other.reports.back().bytes_exchanged == 0));
    }
}

TEST_CASE("the instruction set does not change a bit") {
  const bdh::model m = tests::as_graph(tests::random_weights(shape, 2), "gpu-release");
  const auto tokens = tests::random_tokens(25, shape.vocabulary, 2);
  const outcome plain =
      run(m, tokens, {.sites = 1, .instructions = bdh::instruction_set::plain, .retention = {}});
  for (auto set : tests::instruction_sets()) {
    CAPTURE(bdh::name(set));
    CHECK(bdh::kernels::cpu_kernels_for(set).set == set);  // the forced one is the one used
    CHECK(same_bits(plain, run(m, tokens, {.sites = 2, .instructions = set, .retention = {}})));
  }
}

TEST_CASE("a projection with every edge gives the same bits as CSR and as a dense block") {
  // Within a row both visit the same sources in the same lanes.
  const oracle::weights w = tests::random_weights(shape, 3);
  const auto tokens = tests::random_tokens(12, shape.vocabulary, 3);
  const bdh::model dense = tests::as_graph(w, "gpu-release"),
                   sparse = tests::as_sparse_graph(w, "gpu-release");
  CHECK_FALSE(sparse.circuits().e.is_dense());
  const outcome a = run(dense, tokens, {}),
                b = run(sparse, tokens,
                        {.sites = 3, .instructions = bdh::instruction_set::best, .retention = {}});
  CHECK(same_bits(a, b));
  CHECK(a.reports.back().synaptic_events == b.reports.back().synaptic_events);
}

TEST_CASE("observing and reading change nothing; forgetting starts afresh") {
  const bdh::model m = tests::as_graph(tests::random_weights(shape, 4), "gpu-release");
  const auto tokens = tests::random_tokens(12, shape.vocabulary, 4);
  const outcome plain = run(m, tokens, {});
  bdh::simulator brain(
      m, bdh::cpu_engine(
             m, {.sites = 2, .instructions = bdh::instruction_set::best, .retention = {}}));
  int rounds = 0;
  const int observing = brain.observe([&](bdh::layer_id layer, bdh::moment) {
    ++rounds;
    for (bdh::neuron_id i = 0; i < m.neurons(); i += 37) brain.synapses(layer, i);
    for (auto v : {bdh::variable::x, bdh::variable::y, bdh::variable::w, bdh::variable::a})
      brain.read(v);
  });
  CHECK(same_bits(plain, run(brain, tokens)));
  CHECK(rounds == static_cast<int>(tokens.size()) * 4 * shape.layers);  // 4 L rounds a token
  brain.stop_observing(observing);
  brain.clear_synapses();
  CHECK(same_bits(plain, run(brain, tokens)));
}

TEST_CASE("saved synapses go on bit for bit, on any number of sites") {
  oracle::weights w = tests::random_weights(shape, 5);
  w.retention = 0.99;
  const bdh::model m = tests::as_graph(w, "gpu-release");
  const auto tokens = tests::random_tokens(30, shape.vocabulary, 5);
  const outcome straight = run(m, tokens, {});
  bdh::simulator first(
      m, bdh::cpu_engine(
             m, {.sites = 3, .instructions = bdh::instruction_set::best, .retention = {}}));
  run(first, {tokens.begin(), tokens.begin() + 13});
  bdh::simulator second(
      m, bdh::cpu_engine(
             m, {.sites = 2, .instructions = bdh::instruction_set::plain, .retention = {}}));
  second.restore(first.save());
  CHECK(second.tokens() == 13);
  const outcome rest = run(second, {tokens.begin() + 13, tokens.end()});
  const std::size_t v = m.readout_nodes();
  CHECK(same_bits(std::span(straight.logits).subspan(13 * v), std::span(rest.logits)));
  CHECK(rest.reports.front().position == 13);
}

TEST_CASE("what a token costs does not depend on how many came before it") {
  const bdh::model m = tests::as_graph(tests::random_weights(shape, 6), "gpu-release");
  bdh::simulator brain(m, bdh::cpu_engine(m));
  const std::size_t memory = brain.state_bytes();
  const auto per_neuron = static_cast<std::uint64_t>(m.hubs());
  for (int t : tests::random_tokens(300, shape.vocabulary, 6)) {
    const auto r = brain.step(static_cast<bdh::token_id>(t));
    // sensory node, then all of them if everything were active
    std::uint64_t most = 2 * per_neuron;
    most += m.layers() * 4 * m.neurons() * per_neuron + m.readout_nodes() * per_neuron;
    CHECK(r.synaptic_events <= most);
  }
  CHECK(brain.state_bytes() == memory);
}

TEST_CASE("synaptic events, writes and bytes equal an independent count") {
  const bdh::model m = tests::as_graph(tests::random_weights(shape, 7), "gpu-release");
  const bdh::site_id sites = 4;
  bdh::simulator brain(
      m, bdh::cpu_engine(
             m, {.sites = sites, .instructions = bdh::instruction_set::best, .retention = {}}));
  // By hand from the activity itself: n = 600 neurons, 3 heads of 200 = 4 blocks of 64 a head, 12
  // blocks, 3 a site; 45 hubs.
  const std::uint64_t n = 600, d = 45, v = 13;
  const auto site_of_neuron = [](std::uint64_t i) { return (i / 200 * 4 + i % 200 / 64) / 3; };
  const auto hubs_of = [&](std::uint64_t s) { return d * (s + 1) / sites - d * s / sites; };
  std::uint64_t events = 0, writes = 0, bytes = 0;
  // One row to each other site's hubs for each node of a tree of blocks that is one site's: of A, a
  // tree of 4 blocks for each head; of W, one of 16, of which 12 are there.
  const std::vector<std::vector<std::vector<int>>> nodes_of_a = {
      {{0, 1}, {2}}, {{3}, {4, 5}}, {{6, 7}, {8}}, {{9}, {10, 11}}};
  const std::vector<std::vector<std::vector<int>>> nodes_of_w = {
      {{0, 1}, {2}}, {{3}, {4, 5}}, {{6, 7}, {8}}, {{9}, {10, 11}}};
  const auto partial_sums = [&](const std::vector<bool>& active, bool pairs) {
    std::vector<bool> block(12);
    for (std::uint64_t i = 0; i < n; ++i)
      if (active[i] || (pairs && active[i ^ 1])) block[i / 200 * 4 + i % 200 / 64] = true;
    for (std::uint64_t from = 0; from < sites; ++from)
      for (const auto& node : (pairs ? nodes_of_a : nodes_of_w)[from]) {
        if (std::none_of(node.begin(), node.end(), [&](int b) { return block[b]; })) continue;
        for (std::uint64_t s = 0; s < sites; ++s)
          if (s != from) bytes += 4 + 4 * hubs_of(s);
      }
  };
  const auto hub_values = [&](std::uint64_t rows) {  // from every hub's site to every other
    for (std::uint64_t s = 0; s < sites; ++s) bytes += (sites - 1) * rows * (4 + 4 * hubs_of(s));
  };
  brain.observe([&](bdh::layer_id, bdh::moment at) {
    const auto active = [&](bdh::variable what) {
      const auto values = brain.read(what);
      std::vector<bool> out;
      for (float f : values) out.push_back(f > 0);
      return out;
    };
    if (at == bdh::moment::x_ready) events += n * d;  // hubs -> all neurons
    if (at == bdh::moment::a_ready) {
      const auto x = active(bdh::variable::x);
      std::uint64_t rows = 0;
      for (std::uint64_t i = 0; i < n; ++i) rows += x[i] || x[i ^ 1];
      events += rows * d;
      writes += rows * d;
      partial_sums(x, true);
      hub_values(3);
    }
    if (at == bdh::moment::y_ready) {
      const auto x = active(bdh::variable::x), y = active(bdh::variable::y);
      for (std::uint64_t i = 0; i < n; ++i) events += (x[i] + y[i]) * d;
      partial_sums(y, false);
      hub_values(1);
    }
  });
  CHECK(site_of_neuron(599) == 3);
  for (int t : tests::random_tokens(9, shape.vocabulary, 7)) {
    events = d + v * d;  // the sensory node's edges, and the readout
    writes = bytes = 0;
    // The sensory row comes from its owner: 13 sensory nodes are one block of 64, dealt to the last
    // of 4 sites.
    for (std::uint64_t s = 0; s + 1 < sites; ++s) bytes += 4 + 4 * hubs_of(s);
    for (std::uint64_t s = 1; s < sites; ++s)
      bytes += 4 + 4 * (v * (s + 1) / sites - v * s / sites);
    hub_values(1);
    const auto report = brain.step(static_cast<bdh::token_id>(t));
    CHECK(report.synaptic_events == events);
    CHECK(report.hebbian_writes == writes);
    CHECK(report.bytes_exchanged == bytes);
  }
}

TEST_CASE("tokens outside the vocabulary and values that are not finite stop the run") {
  oracle::weights w = tests::random_weights({.neurons_per_head = 64,
                                             .heads = 1,
                                             .hubs = 16,
                                             .vocabulary = 5,
                                             .layers = 2,
                                             .rotates = false},
                                            8);
  const bdh::model m = tests::as_graph(w, "gpu-release");
  bdh::simulator brain(m, bdh::cpu_engine(m));
  CHECK_THROWS_WITH_AS(brain.step(5), "token: 5, expected < 5, the vocabulary", bdh::input_error);
  CHECK(brain.tokens() == 0);
  w.Dy *= 1e12;
  w.E *= 1e12;
  const bdh::model explosive = tests::as_graph(w, "bdh");
  bdh::simulator doomed(explosive, bdh::cpu_engine(explosive));
  std::string message;
  try {
    for (int t = 0; t < 50; ++t) doomed.step(static_cast<bdh::token_id>(t % 5));
  } catch (const bdh::input_error& e) {
    message = e.what();
  }
  CAPTURE(message);
  CHECK(message.find("layer ") != std::string::npos);
  CHECK(message.find("expected a finite value") != std::string::npos);
}

namespace {

// Eight significant bits, ties to even, by arithmetic of another kind than the program's.
void round_to_eight_bits(Eigen::MatrixXd& all) {
  for (double& w : all.reshaped()) {
    int exponent = 0;
    const double mantissa = std::frexp(static_cast<double>(static_cast<float>(w)), &exponent);
    w = std::ldexp(std::nearbyint(std::ldexp(mantissa, 8)), exponent - 8);
  }
}

}  // namespace

TEST_CASE("weights stored as bfloat16 give the bits of the same weights, rounded, as float32") {
  oracle::weights w = tests::random_weights(shape, 11);
  const auto tokens = tests::random_tokens(10, shape.vocabulary, 11);
  for (const bool sparse : {false, true}) {
    CAPTURE(sparse);
    const auto graph = [&] {
      return sparse ? tests::as_sparse_graph(w, "gpu-release") : tests::as_graph(w, "gpu-release");
    };
    w = tests::random_weights(shape, 11);
    const std::size_t bytes = graph().bytes();
    const bdh::model narrow = graph().in_bfloat16();
    CHECK(narrow.is_bfloat16());
    if (!sparse) CHECK(narrow.bytes() * 2 == bytes);
    for (Eigen::MatrixXd* m : {&w.E, &w.Dx, &w.Dy, &w.embedding, &w.readout})
      round_to_eight_bits(*m);
    const bdh::model wide = graph();
    CHECK_FALSE(wide.is_bfloat16());
    for (auto set : tests::instruction_sets())
      CHECK(same_bits(run(wide, tokens, {}),
                      run(narrow, tokens, {.sites = 2, .instructions = set, .retention = {}})));
  }
}

TEST_CASE("explicit edges stored as bfloat16 likewise, some of them cut") {
  oracle::circuits c =
      tests::random_circuits({.neurons = 60, .vocabulary = 7, .layers = 2, .rotates = true}, 12);
  const bdh::model narrow = tests::as_direct_graph(c, "bdh", nullptr, false).in_bfloat16();
  for (Eigen::MatrixXd* m : {&c.Gx, &c.Gy, &c.Gout}) round_to_eight_bits(*m);
  const bdh::model wide = tests::as_direct_graph(c, "bdh", nullptr, false);
  const auto tokens = tests::random_tokens(12, 7, 12);
  const auto edges = [](const Eigen::MatrixXd& g, int from) {  // of ten sources
    std::string all;
    for (int j = from; j < from + 10; ++j)
      for (int k = 0; k < g.rows(); ++k)
        if (g(k, j) != 0)
          all += (all.empty() ? "" : ",") + std::to_string(j) + "->" + std::to_string(k);
    return all;
  };
  const auto cut = [&](const bdh::model& m) {
    bdh::simulator brain(m, bdh::cpu_engine(m));
    brain.interventions().add(
        bdh::parse_intervention(m, "lesion gx:" + edges(c.Gx, 0) + " tokens 3-6"));
    brain.interventions().add(
        bdh::parse_intervention(m, "lesion gy:" + edges(c.Gy, 20) + " tokens 5-8"));
    return run(brain, tokens);
  };
  CHECK(same_bits(run(wide, tokens, {}), run(narrow, tokens, {})));
  CHECK(same_bits(cut(wide), cut(narrow)));
  CHECK_FALSE(same_bits(cut(narrow), run(narrow, tokens, {})));
}

namespace {

bdh::simulator rounding(const bdh::model& m, std::uint64_t seed, bdh::site_id sites = 1,
                        bdh::instruction_set set = bdh::instruction_set::best,
                        std::size_t threads = 1) {
  auto work = bdh::cpu_engine(
      m, {.sites = sites, .instructions = set, .retention = {}, .bfloat16_synapses = true});
  work->seed_draws(seed);
  return bdh::simulator(m, std::move(work), {.threads = threads});
}

}  // namespace

TEST_CASE(
    "synapses rounded to bfloat16: the same bits on every way, other bits with another seed") {
  for (const bool rotates : {true, false}) {
    CAPTURE(rotates);
    tests::shape of = shape;
    of.rotates = rotates;
    oracle::weights w = tests::random_weights(of, 21);
    w.retention = 0.97;
    const bdh::model m = tests::as_graph(w, "gpu-release");
    const auto tokens = tests::random_tokens(25, shape.vocabulary, 21);
    bdh::simulator first = rounding(m, 5);
    const outcome one = run(first, tokens), exact = run(m, tokens, {});
    CHECK(first.rounds_synapses());
    for (const bdh::state_arrays& l : one.synapses)
      CHECK(std::all_of(l.strengths().begin(), l.strengths().end(), bdh::is_bfloat16));

    for (bdh::site_id sites : {1u, 2u, 7u})
      for (auto set : tests::instruction_sets()) {
        CAPTURE(bdh::name(set));
        bdh::simulator other = rounding(m, 5, sites, set, sites);
        CHECK(same_bits(one, run(other, tokens)));
      }
    bdh::simulator observed = rounding(m, 5);  // reads a layer, then writes it
    observed.observe([](bdh::layer_id, bdh::moment) {});
    CHECK(same_bits(one, run(observed, tokens)));
    observed.clear_synapses();
    CHECK(same_bits(one, run(observed, tokens)));
    bdh::simulator seeded = rounding(m, 6);
    CHECK_FALSE(same_bits(one, run(seeded, tokens)));

    float largest = 0, difference = 0;
    for (std::size_t k = 0; k < one.logits.size(); ++k) {
      largest = std::max(largest, std::abs(exact.logits[k]));
      difference = std::max(difference, std::abs(one.logits[k] - exact.logits[k]));
    }
    CHECK(difference > 0);
    CHECK(difference < 0.02f * largest);

    bdh::simulator begun = rounding(m, 5, 3),
                   after = rounding(m, 5, 2, bdh::instruction_set::plain);
    run(begun, {tokens.begin(), tokens.begin() + 13});
    const bdh::run_state state = begun.save();
    CHECK(state.rounded);
    after.restore(state);
    const outcome rest = run(after, {tokens.begin() + 13, tokens.end()});
    CHECK(same_bits(std::span(one.logits).subspan(13 * m.readout_nodes()), std::span(rest.logits)));
    CHECK(same_bits(one.synapses.back().strengths(), rest.synapses.back().strengths()));
  }
}

TEST_CASE("synapses rounded to bfloat16: what they do not go with says so") {
  const bdh::model m = tests::as_graph(tests::random_weights(shape, 22), "gpu-release");
  bdh::simulator narrow = rounding(m, 0), wide(m, bdh::cpu_engine(m));
  CHECK(narrow.state_bytes() < wide.state_bytes() * 6 / 10);
  CHECK_THROWS_WITH_AS(wide.restore(narrow.save()),
                       "state: synapses in bfloat16, expected float32; a run goes on with synapses "
                       "that are stored as they were",
                       bdh::input_error);
  CHECK_THROWS_AS(narrow.restore(wide.save()), bdh::input_error);
  bdh::run_state other = narrow.save();
  other.layers[1].strengths()[7] = 1.0f + 0x1p-20f;
  CHECK_THROWS_WITH_AS(narrow.restore(other),
                       "state: a strength that is no bfloat16, expected strengths in bfloat16",
                       bdh::input_error);
  CHECK(narrow.prefill().refused().value_or("").find("bfloat16") != std::string::npos);
  const bdh::token_id tokens[] = {1, 2};
  CHECK_THROWS_AS(narrow.prefill().read(tokens), bdh::unavailable_error);

  // What an intervention sets is rounded, too.
  narrow.probes().add({{7, 9}, 2});
  narrow.step(3);
  narrow.interventions().add(bdh::parse_intervention(m, "set synapses:7->9 0.3 layers 2 at 1"));
  narrow.interventions().add(bdh::parse_intervention(m, "freeze at 1"));
  narrow.step(4);
  for (const bdh::state_arrays& l : narrow.save().layers)
    CHECK(std::all_of(l.strengths().begin(), l.strengths().end(), bdh::is_bfloat16));

  const bdh::model direct = tests::as_direct_graph(
      tests::random_circuits({.neurons = 60, .vocabulary = 7, .layers = 2, .rotates = true}, 12),
      "bdh", nullptr, false);
  CHECK_THROWS_AS(rounding(direct, 0), bdh::unavailable_error);
}

TEST_CASE("bfloat16: to the nearest, ties to even, too large is refused") {
  CHECK(bdh::to_float(bdh::to_bfloat16(1.0f + 0x1p-8f)) == 1.0f);
  CHECK(bdh::to_float(bdh::to_bfloat16(1.0f + 0x1p-7f + 0x1p-8f)) == 1.0f + 0x1p-6f);
  CHECK(bdh::to_float(bdh::to_bfloat16(-1.0f - 0x1p-8f - 0x1p-20f)) == -1.0f - 0x1p-7f);
  CHECK(bdh::to_float(bdh::to_bfloat16(0x1p-149f)) == 0.0f);
  bdh::array<float> large(1);
  large[0] = std::numeric_limits<float>::max();
  const auto p = bdh::projection::dense("dx", {"hubs", 1}, {"neurons", 1}, bdh::major::target,
                                        std::move(large));
  CHECK_THROWS_AS(p.in_bfloat16(), bdh::input_error);
}
