// Several ranks, here as threads that exchange bytes and nothing else, give the bits of one
// process: in everything that is read, written, saved, restored and intervened in while tokens go
// by.
#include <doctest/doctest.h>

#include <limits>
#include <optional>
#include <type_traits>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>
#include <bdh/simulator.hpp>

#include "core/ranks/ranked_engine.hpp"
#include "core/simulation/engine.hpp"
#include "core/simulation/partition.hpp"
#include "support/models.hpp"
#include "support/outcome.hpp"
#include "support/spikes.hpp"
#include "support/thread_ranks.hpp"

namespace {

using tests::running;

// Everything that was seen of a run, in order.
using seen = std::vector<float>;

void add(seen& to, const std::vector<float>& values) {
  to.insert(to.end(), values.begin(), values.end());
}

// Tokens with every kind of look and intervention.
seen experiment(bdh::simulator brain, const std::vector<int>& tokens, bool probes) {
  const bdh::model& m = brain.model();
  seen all;
  const auto look = [&] {
    for (const bdh::variable v :
         {bdh::variable::x, bdh::variable::y, bdh::variable::w, bdh::variable::a})
      add(all, brain.read(v));
    for (const bdh::variable v :
         {bdh::variable::x, bdh::variable::y, bdh::variable::w, bdh::variable::a})
      if (brain.spikes()) add(all, brain.sent(v)), add(all, brain.emitted(v));
    std::vector<bdh::neuron_id> ids;
    std::vector<float> values;
    brain.active(bdh::variable::y, ids, values);
    all.insert(all.end(), ids.begin(), ids.end());
    add(all, values);
  };
  const auto end_of_token = [&](const bdh::step_report& r) {
    add(all, {brain.logits().begin(), brain.logits().end()});
    all.insert(all.end(), r.active_x.begin(), r.active_x.end());
    all.push_back(static_cast<float>(r.synaptic_events));
    all.push_back(static_cast<float>(r.hebbian_writes));
    if (r.spikes) {
      all.insert(all.end(), r.spikes->spikes.begin(), r.spikes->spikes.end());
      all.insert(all.end(), r.spikes->spiking_x.begin(), r.spikes->spiking_x.end());
      all.insert(all.end(), r.spikes->spiking_y.begin(), r.spikes->spiking_y.end());
      all.push_back(static_cast<float>(r.spikes->coincidences));
      all.push_back(static_cast<float>(r.spikes->clipped));
    }
    for (const bdh::neuron_id i : {bdh::neuron_id{1}, m.neurons() / 2, m.neurons() - 1})
      add(all, brain.synapses(m.layers(), i));
  };
  const auto step = [&](std::size_t t) {
    end_of_token(brain.step(static_cast<bdh::token_id>(tokens[t])));
  };
  if (probes) brain.probes().add({{1, 3}, 2, bdh::probe_factor::w});
  std::size_t t = 0;
  step(t++);
  step(t++);  // fused: no look between rounds
  const int observed = brain.observe(
      [&](bdh::layer_id, bdh::moment at) {
        if (at != bdh::moment::synapses_written) look();
      },
      bdh::observation::activity);
  step(t++);
  brain.stop_observing(observed);
  // Round by round, with synapses between them.
  brain.begin(static_cast<bdh::token_id>(tokens[t++]));
  while (const auto mark = brain.advance())
    if (mark->layer == 1) add(all, brain.synapses(1, m.neurons() - 1));
  end_of_token(brain.finish());
  const bdh::run_state half = brain.save();
  for (const bdh::state_arrays& l : half.layers) {
    add(all, {l.strengths().begin(), l.strengths().end()});
    all.insert(all.end(), l.last_used().begin(), l.last_used().end());
  }
  for (const char* text :
       {"silence x:1-5", "stimulate x:200 0.5", "clamp y:2 0.25", "reset layers 1"}) {
    brain.interventions().add(bdh::parse_intervention(m, text, brain.tokens()));
    step(t++);
  }
  while (!brain.interventions().empty())
    brain.interventions().remove(brain.interventions().begin()->first);
  brain.restore(half);
  step(t);
  brain.clear_synapses();
  step(t);
  all.push_back(static_cast<float>(brain.tokens()));
  return all;
}

void compare(const bdh::model& m, bdh::rank_job job, bool probes = false) {
  const std::vector<int> tokens = tests::random_tokens(12, static_cast<int>(m.sensory_nodes()), 3);
  const seen expected =
      experiment(bdh::simulator(m, bdh::cpu_engine(m, {.retention = job.retention,
                                                       .bfloat16_synapses = job.bfloat16_synapses,
                                                       .spikes = job.spikes})),
                 tokens, probes);
  for (const bdh::rank_id size : {2u, 3u})
    for (job.sites = 1; job.sites <= 2; ++job.sites) {
      CAPTURE(size);
      CAPTURE(job.sites);
      const running on(m, size);
      const seen found = experiment(on.simulator(m, job), tokens, probes);
      CHECK(tests::same_bits(std::span(found), std::span(expected)));
      CHECK(on.first->bytes_sent() > 0);
    }
}

bdh::model hubs() {
  oracle::weights w = tests::random_weights({.neurons_per_head = 300,
                                             .heads = 2,
                                             .hubs = 40,
                                             .vocabulary = 10,
                                             .layers = 3,
                                             .rotates = true},
                                            31);
  w.retention = 0.95;
  return tests::as_graph(w, "gpu-release");
}

}  // namespace

TEST_CASE("ranks give the bits of one process, through hubs") {
  compare(hubs(), {}, true);
  compare(hubs(), {.retention = 0.9, .bfloat16_synapses = true});
}

TEST_CASE("ranks give the bits of one process, over explicit edges") {
  const tests::graph_shape sparse{.neurons = 400,
                                  .heads = 1,
                                  .vocabulary = 10,
                                  .layers = 3,
                                  .degree = 12,
                                  .rotates = true,
                                  .own_retention = true};
  compare(tests::as_direct_graph(tests::random_circuits(sparse, 4), "bdh", nullptr, true), {});
  const oracle::weights pool = tests::random_weights(
      {.neurons_per_head = 200, .heads = 2, .hubs = 12, .vocabulary = 10, .layers = 2}, 6);
  const oracle::rules rules = oracle::rules_of(oracle::variant::gpu_release);
  compare(tests::as_direct_graph(oracle::circuits_of(pool, rules), "gpu-release", &pool, false),
          {});
}

TEST_CASE("ranks give the bits of one process where activity travels as spikes") {
  const std::vector<int> tokens = tests::random_tokens(6, 10, 3);
  const auto shared = [](const bdh::spiking& how) {
    return std::make_shared<const bdh::spiking>(how);
  };
  const bdh::model through_hubs = hubs();
  compare(through_hubs, {.spikes = shared(tests::settings(through_hubs, tokens, 40))});
  const tests::graph_shape sparse{
      .neurons = 400, .vocabulary = 10, .layers = 3, .degree = 12, .rotates = true};
  const bdh::model edges =
      tests::as_direct_graph(tests::random_circuits(sparse, 4), "bdh", nullptr, true);
  bdh::spiking how = tests::settings(edges, tokens, 40);
  compare(edges, {.spikes = shared(how)});
  how.pairing = bdh::spike_pairing::all;
  how.code = bdh::spike_code::integrate;
  compare(edges, {.spikes = shared(how)});
}

// Nearly all that is active has a spike in so many bins: what differs is how X travels.
TEST_CASE("spikes of X take fewer bytes than values") {
  const tests::graph_shape shape{.neurons = 400, .vocabulary = 10, .layers = 3, .degree = 12};
  for (const bool rotates : {false, true}) {
    tests::graph_shape of = shape;
    of.rotates = rotates;
    const bdh::model m =
        tests::as_direct_graph(tests::random_circuits(of, 4), "bdh", nullptr, true);
    const auto tokens = tests::random_tokens(4, 10, 3);
    bdh::spiking how = tests::settings(m, tokens, 1024);
    how.code = bdh::spike_code::integrate;
    how.pairing = bdh::spike_pairing::all;
    for (std::size_t s = 1; s < bdh::spike_sources; ++s) how.populations[s].bins = 0;
    const auto bytes = [&](std::shared_ptr<const bdh::spiking> spikes) {
      const running on(m, 2);
      bdh::simulator brain = on.simulator(m, {.spikes = std::move(spikes)});
      std::uint64_t all = 0;
      for (const int t : tokens) all += brain.step(static_cast<bdh::token_id>(t)).bytes_exchanged;
      return std::pair(all, on.first->bytes_sent());
    };
    const auto graded = bytes(nullptr), spiking = bytes(std::make_shared<const bdh::spiking>(how));
    CHECK(spiking.first < graded.first);
    CHECK(spiking.second < graded.second);
  }
}

TEST_CASE("single explicit edges are cut, set and read on whatever rank they end") {
  const tests::graph_shape shapes[] = {
      {.neurons = 400,
       .vocabulary = 10,
       .layers = 2,
       .degree = 12,
       .rotates = true,
       .own_retention = true},
      {.neurons = 400, .heads = 2, .vocabulary = 10, .layers = 2, .degree = 12}};
  for (const tests::graph_shape& shape : shapes) {
    const bdh::model m =
        tests::as_direct_graph(tests::random_circuits(shape, 4), "bdh", nullptr, true);
    const auto pair = [](const bdh::projection& p, bdh::edge_id e) {
      const std::string row = std::to_string(p.row_of(e)), column = std::to_string(p.indices()[e]);
      return p.rows_are() == bdh::major::source ? row + "->" + column : column + "->" + row;
    };
    const bdh::direct_circuits& c = m.direct();
    const auto run = [&](bdh::simulator brain) {
      seen all;
      const auto look = [&](int t) {
        brain.step(static_cast<bdh::token_id>(t));
        add(all, {brain.logits().begin(), brain.logits().end()});
        std::vector<bdh::edge_id> which;
        for (bdh::edge_id e = 0; e < m.synapses(); e += 7) which.push_back(m.synapses() - 1 - e);
        std::vector<float> strengths(which.size());
        brain.synapses(2, which, strengths);
        add(all, strengths);
      };
      const auto tokens = tests::random_tokens(8, 10, 3);
      look(tokens[0]);
      for (const double share : {0.0, 0.3, 0.6, 0.999}) {
        const auto edge = [&](const bdh::projection& p) {
          return pair(p, static_cast<bdh::edge_id>(share * static_cast<double>(p.edges())));
        };
        const std::string now = " at " + std::to_string(brain.tokens());
        for (const std::string& text :
             {"lesion gx:" + edge(c.gx_excitatory), "lesion gx:" + edge(c.gx_inhibitory),
              "lesion gy:" + edge(c.gy_excitatory), "lesion gy:" + edge(c.gy_inhibitory),
              "lesion synapses:" + edge(c.gs), "set synapses:" + edge(c.gs) + " 0.25" + now})
          brain.interventions().add(bdh::parse_intervention(m, text, brain.tokens()));
        look(tokens[1]);
        look(tokens[2]);
      }
      return all;
    };
    const seen expected = run(bdh::simulator(m, bdh::cpu_engine(m)));
    for (const bdh::rank_id size : {2u, 3u})
      for (const bdh::site_id each : {1u, 2u}) {
        CAPTURE(size);
        CAPTURE(each);
        const running on(m, size);
        const seen found = run(on.simulator(m, {.sites = each}));
        CHECK(tests::same_bits(std::span(found), std::span(expected)));
      }
  }
}

TEST_CASE("cut synapses and edges through hubs follow their probes and W on every rank") {
  const bdh::model m = hubs();
  const auto tokens = tests::random_tokens(5, 10, 3);
  const auto run = [&](bdh::simulator brain) {
    seen all;
    const bdh::intervention cut = bdh::parse_intervention(m, "lesion synapses:1->3,400->17"),
                            edge = bdh::parse_intervention(m, "lesion gx:2->401");
    for (const bdh::intervention& p : {cut, edge})
      for (const bdh::probe_spec& probe : brain.interventions().probes_needed(p))
        brain.probes().add(probe);
    brain.follow_sources();
    brain.interventions().add(cut);
    brain.interventions().add(edge);
    for (int t : tokens) {
      brain.step(static_cast<bdh::token_id>(t));
      add(all, {brain.logits().begin(), brain.logits().end()});
      add(all, brain.sources().activity());
    }
    return all;
  };
  const seen expected = run(bdh::simulator(m, bdh::cpu_engine(m)));
  const running on(m, 3);
  const seen found = run(on.simulator(m, {}));
  CHECK(tests::same_bits(std::span(found), std::span(expected)));
}

TEST_CASE("streams on ranks: together, alone, and one that fails") {
  const bdh::model m = hubs();
  const auto tokens = tests::random_tokens(8, 10, 3);
  const auto run = [&](bdh::simulator brain) {
    seen all;
    const auto second = brain.new_stream(), third = brain.new_stream();
    second->interventions().add(bdh::parse_intervention(m, "silence x:1-5"));
    const int failing = third->observe([&](bdh::layer_id layer, bdh::moment) {
      if (third->tokens() == 3 && layer == 2) throw std::runtime_error("enough");
    });
    bdh::simulator* const streams[] = {&brain, second.get(), third.get()};
    for (std::size_t t = 0; t + 2 < tokens.size(); ++t) {
      if (t == 4) {
        third->stop_observing(failing);
        third->clear_synapses();
      }
      std::vector<bdh::stream_step> steps;
      for (std::size_t k = 0; k < 3; ++k)
        steps.push_back({streams[k], static_cast<bdh::token_id>(tokens[t + k])});
      bdh::step_streams(steps);
      for (std::size_t k = 0; k < 3; ++k) {
        CHECK((steps[k].failed != nullptr) == (k == 2 && t == 3));
        if (k == 2 && t == 3) continue;
        add(all, {streams[k]->logits().begin(), streams[k]->logits().end()});
        all.push_back(static_cast<float>(steps[k].report.synaptic_events));
      }
    }
    second->step(1);
    add(all, second->synapses(2, m.neurons() - 1));
    return all;
  };
  const seen expected = run(bdh::simulator(m, bdh::cpu_engine(m)));
  const running on(m, 3);
  const seen found = run(on.simulator(m, {}));
  CHECK(tests::same_bits(std::span(found), std::span(expected)));
}

TEST_CASE("several engines, an observer that throws, and a value that is not finite") {
  const bdh::model m = hubs();
  const running on(m, 2);
  bdh::simulator a = on.simulator(m, {}), b = on.simulator(m, {});
  const int failing = a.observe(
      [](bdh::layer_id layer, bdh::moment at) {
        if (layer == 2 && at == bdh::moment::x_ready) throw std::runtime_error("enough");
      },
      bdh::observation::activity);
  CHECK_THROWS_WITH(a.step(1), "enough");
  a.stop_observing(failing);
  b.step(1);  // the others have given up a's token
  a.clear_synapses();
  a.step(1);
  CHECK(tests::same_bits(a.logits(), b.logits()));

  const tests::graph_shape shape{.neurons = 400, .vocabulary = 10, .layers = 2, .degree = 12};
  oracle::circuits c = tests::random_circuits(shape, 8);
  c.Gx *= 1e25;
  const bdh::model explosive = tests::as_direct_graph(c, "bdh", nullptr, false);
  const running all(explosive, 2);
  const auto fault = [&](bdh::simulator brain) {
    try {
      for (int t : tests::random_tokens(200, 10, 5)) brain.step(static_cast<bdh::token_id>(t));
    } catch (const bdh::input_error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  const std::string expected = fault(bdh::simulator(explosive, bdh::cpu_engine(explosive)));
  CHECK(!expected.empty());
  CHECK(fault(all.simulator(explosive, {})) == expected);
}

// The circuits of a model, whose weights are read by who takes them; one of Gy is not finite.
bdh::model with_a_bad_weight(const bdh::model& m, bdh::edge_id bad) {
  const auto unchecked = [&](const bdh::projection& p, std::optional<bdh::edge_id> not_finite) {
    const auto copy = [](auto values) {
      bdh::array<std::remove_const_t<typename decltype(values)::element_type>> to(values.size());
      std::copy(values.begin(), values.end(), to.begin());
      return to;
    };
    bdh::array<float> weights = copy(p.weights());
    if (not_finite) weights[*not_finite] = std::numeric_limits<float>::quiet_NaN();
    return bdh::projection::sparse(p.name(), p.source(), p.target(), p.rows_are(), copy(p.indptr()),
                                   copy(p.indices()), std::move(weights), bdh::validation::skip);
  };
  bdh::model_spec parts = m.spec_without_circuits();
  const bdh::direct_circuits& c = m.direct();
  parts.direct = bdh::direct_circuits{.gx_excitatory = unchecked(c.gx_excitatory, {}),
                                      .gx_inhibitory = unchecked(c.gx_inhibitory, {}),
                                      .gy_excitatory = unchecked(c.gy_excitatory, bad),
                                      .gy_inhibitory = unchecked(c.gy_inhibitory, {}),
                                      .gs = unchecked(c.gs, {}),
                                      .retention = {},
                                      .sensory = c.sensory.copy(),
                                      .readout = c.readout.copy()};
  return bdh::model(std::move(parts));
}

TEST_CASE("a weight is checked by the rank that takes it") {
  const bdh::model m = tests::as_direct_graph(
      tests::random_circuits({.neurons = 400, .vocabulary = 10, .layers = 2, .degree = 12}, 8),
      "bdh", nullptr, false);
  const bdh::projection& gy = m.direct().gy_excitatory;
  for (const bdh::edge_id bad : {bdh::edge_id{3}, gy.edges() - 1}) {
    const bdh::model broken = with_a_bad_weight(m, bad);
    const running on(broken, 3);
    const std::string says =
        "gy_excitatory/data[" + std::to_string(bad) + "]: nan, expected a finite weight";
    CHECK_THROWS_WITH_AS(on.simulator(broken, {}),
                         (bad == 3 ? says : "ranks: rank 2 on host-2: " + says).c_str(),
                         bdh::input_error);
  }
}

TEST_CASE("what one rank meets is said by rank 0, and what ranks cannot do is refused") {
  const bdh::model m = hubs();
  {
    const running on(m, 3, tests::cpu_sites, 2);
    CHECK_THROWS_WITH_AS(on.simulator(m, {.model_file = "m.bdh.h5"}),
                         "ranks: rank 2 on host-2: m.bdh.h5: no such file", bdh::input_error);
    CHECK_THROWS_AS(on.simulator(m, {.model_file = "m.bdh.h5"}), bdh::input_error);
  }
  const running on(m, 2);
  CHECK_THROWS_WITH_AS(on.simulator(m, {.sites = 6}),
                       "ranks: 2 of 6 sites, expected at most 10 sites, one for each block of 64 "
                       "neurons; fewer ranks, or --threads 1",
                       bdh::input_error);
  bdh::simulator brain = on.simulator(m, {});
  CHECK(brain.prefill().refused().has_value());
  CHECK_THROWS_AS(on.simulator(tests::in_random_order(hubs(), 1), {}), bdh::unavailable_error);
}

TEST_CASE("exchanges of a token are those of the plan") {
  // 4 L + 3 exchanges through hubs: the token and its way back, A and W and theirs, the logits.
  const bdh::model m = hubs();
  const running on(m, 2);
  bdh::simulator brain = on.simulator(m, {});
  const std::uint64_t before = on.first->exchanges();
  brain.step(1);
  CHECK(on.first->exchanges() - before == 4 * m.layers() + 3);
}

namespace {

// Bytes that all ranks sent, and the counts of a few tokens.
std::uint64_t bytes_sent(const bdh::model& m, bdh::rank_id ranks, bdh::site_id each) {
  const running on(m, ranks);
  bdh::simulator brain = on.simulator(m, {.sites = each});
  for (const int t : tests::random_tokens(4, static_cast<int>(m.sensory_nodes()), 9))
    brain.step(static_cast<bdh::token_id>(t));
  std::uint64_t all = 0;
  for (const bdh::rank_usage& used : bdh::usage_of(*on.first)) all += used.bytes_sent;
  return all;
}

// What a token through hubs takes on the wire, from the neurons that were active: in every exchange
// 8 bytes a packet, and 20 before each message.
std::uint64_t bytes_of_token(const bdh::model& m, bdh::rank_id ranks, bdh::simulator& brain,
                             bdh::token_id token) {
  const bdh::block_grid grid(m.heads(), m.neurons_per_head());
  const auto shares = bdh::partition(
      {m.heads(), m.neurons(), m.hubs(), m.sensory_nodes(), m.readout_nodes()}, ranks);
  const std::uint64_t others = ranks - 1;
  std::uint64_t bytes = 0;
  const auto message = [](std::uint64_t rows, std::uint64_t width) {
    return rows == 0 ? 0 : 20 + rows * (4 + 4 * width);
  };
  // Packets of one exchange are padded to 8 bytes.
  const auto packet = [&](std::uint64_t size) { bytes += 8 + (size + 7) / 8 * 8; };
  const auto to_hubs = [&](bdh::rank_id from, std::uint64_t rows) {
    for (bdh::rank_id to = 0; to < ranks; ++to)
      if (to != from) packet(message(rows, shares[to].hubs.size()));
  };
  const auto from_hubs = [&](std::uint64_t rows) {
    for (const bdh::site_share& own : shares)
      for (std::uint64_t k = 0; k < others; ++k) packet(message(rows, own.hubs.size()));
  };
  const auto sums = [&](const std::vector<float>& active, bdh::neuron_id per_tree) {
    for (bdh::rank_id r = 0; r < ranks; ++r) {
      std::uint64_t rows = 0;
      for (const bdh::id_range node : bdh::complete_nodes(shares[r].blocks, per_tree)) {
        bool any = false;
        for (bdh::neuron_id b = node.begin; b < node.end; ++b)
          for (bdh::neuron_id i = grid.neurons(b).begin; i < grid.neurons(b).end; ++i)
            any = any || active[i] != 0;
        rows += any ? 1 : 0;
      }
      to_hubs(r, rows);
    }
  };
  for (bdh::rank_id r = 0; r < ranks; ++r) to_hubs(r, shares[r].sensory.contains(token) ? 1 : 0);
  from_hubs(1);
  const int observed = brain.observe(
      [&](bdh::layer_id, bdh::moment at) {
        if (at == bdh::moment::x_ready) {
          sums(brain.read(bdh::variable::x), grid.blocks() / m.heads());
          from_hubs(m.heads());
        } else if (at == bdh::moment::y_ready) {
          sums(brain.read(bdh::variable::y), grid.blocks());
          from_hubs(1);
        }
      },
      bdh::observation::activity);
  brain.step(token);
  brain.stop_observing(observed);
  for (bdh::rank_id from = 0; from < ranks; ++from)
    for (bdh::rank_id to = 0; to < ranks; ++to)
      if (from != to) packet(to == 0 ? message(1, shares[from].readout.size()) : 0);
  return bytes;
}

}  // namespace

TEST_CASE("several sites of a rank send to another what one site would") {
  const oracle::weights w = tests::random_weights(
      {.neurons_per_head = 700, .heads = 2, .hubs = 21, .vocabulary = 70, .layers = 2}, 8);
  const oracle::rules rules = oracle::rules_of(oracle::variant::gpu_release);
  const bdh::model models[] = {
      tests::as_graph(w, "gpu-release"),
      tests::as_direct_graph(oracle::circuits_of(w, rules), "gpu-release", &w, false),
      tests::as_direct_graph(
          tests::random_circuits(
              {.neurons = 900, .heads = 1, .vocabulary = 10, .layers = 3, .degree = 12}, 4),
          "bdh", nullptr, true)};
  for (const bdh::model& m : models) {
    for (const bdh::rank_id ranks : {2u, 4u}) {
      const std::uint64_t alone = bytes_sent(m, ranks, 1);
      CHECK(alone > 0);
      CHECK(bytes_sent(m, ranks, 2) == alone);
      CHECK(bytes_sent(m, ranks, 3) == alone);
    }
    compare(m, {});
  }
}

TEST_CASE("bytes on the wire follow from the active neurons") {
  const bdh::model m = hubs();
  for (const bdh::rank_id ranks : {2u, 3u, 4u})
    for (const bdh::site_id each : {1u, 2u}) {
      const running on(m, ranks);
      bdh::simulator brain = on.simulator(m, {.sites = each});
      std::uint64_t expected = 0;
      for (const int t : tests::random_tokens(3, 10, 5))
        expected += bytes_of_token(m, ranks, brain, static_cast<bdh::token_id>(t));
      std::uint64_t sent = 0;
      for (const bdh::rank_usage& used : bdh::usage_of(*on.first)) sent += used.bytes_sent;
      CHECK(sent == expected);
    }
}
