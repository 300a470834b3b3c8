// Activity that travels as spikes: exact in expectation where the equations are linear, exact where
// every probability is 0 or 1, closer with more bins, and the same bits by every way to run it.
#include "core/simulation/spiking.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>
#include <bdh/import_checkpoint.hpp>
#include <bdh/simulator.hpp>

#include "core/simulation/engine.hpp"
#include "support/instruction_sets.hpp"
#include "support/models.hpp"
#include "support/outcome.hpp"
#include "support/spikes.hpp"

namespace {

using bdh::spike_source;
using tests::outcome;
using tests::same_bits;
using tests::settings;

const std::string random_64 = BDH_SOURCE_DIR "/tests/data/random-64/model.safetensors";

bdh::token_id as_token(int t) { return static_cast<bdh::token_id>(t); }

bdh::spiking only(bdh::spiking how, std::initializer_list<spike_source> sources) {
  for (std::size_t k = 0; k < bdh::spike_sources; ++k) {
    const auto s = static_cast<spike_source>(k);
    if (std::find(sources.begin(), sources.end(), s) == sources.end()) how.of(s).bins = 0;
  }
  return how;
}

struct network {
  bdh::engine* work;
  bdh::simulator brain;

  network(const bdh::model& m, std::unique_ptr<bdh::engine> e, std::size_t threads)
      : work(e.get()), brain(m, std::move(e), {.threads = threads}) {}
};

network spiking(const bdh::model& m, const bdh::spiking& how, std::uint64_t seed = 0,
                bdh::site_id sites = 1, std::size_t threads = 1,
                bdh::instruction_set set = bdh::instruction_set::best) {
  auto work = bdh::cpu_engine(
      m,
      {.sites = sites, .instructions = set, .spikes = std::make_shared<const bdh::spiking>(how)});
  work->seed_draws(seed);
  return {m, std::move(work), threads};
}

outcome run(bdh::simulator& brain, const std::vector<int>& tokens) {
  outcome o;
  for (int t : tokens) {
    o.reports.push_back(brain.step(as_token(t)));
    o.logits.insert(o.logits.end(), brain.logits().begin(), brain.logits().end());
  }
  o.synapses = brain.save().layers;
  return o;
}

// Means over trials, and how many standard errors the worst of them is away.
class trials {
 public:
  void add(std::size_t k, double value) {
    if (k >= sum_.size()) {
      sum_.resize(k + 1);
      squares_.resize(k + 1);
    }
    sum_[k] += value;
    squares_[k] += value * value;
  }
  // `quantum`: of what comes in rare events of this size, the spread may not have been seen.
  double worst(const std::vector<double>& expected, int runs, double quantum = 0) const {
    REQUIRE(sum_.size() == expected.size());
    double z = 0;
    for (std::size_t k = 0; k < sum_.size(); ++k) {
      const double mean = sum_[k] / runs, variance = std::max(squares_[k] / runs - mean * mean,
                                                              std::abs(expected[k]) * quantum);
      // What is rounded to float is as near as its digits.
      const double error = std::sqrt(std::max(variance, 0.0) / runs) + 1e-6 * std::abs(mean) + 1e-9;
      z = std::max(z, std::abs(mean - expected[k]) / error);
    }
    return z;
  }

 private:
  std::vector<double> sum_, squares_;
};

const std::vector<int> four_tokens = {10, 200, 33, 10};

}  // namespace

TEST_CASE("what is read of synapses is exact in expectation, and Y behind its threshold is not") {
  const oracle::weights w = oracle::load_released(random_64);
  const bdh::model m = bdh::import_checkpoint(random_64);
  oracle::graph_form exact(w, oracle::variant::gpu_release);
  std::vector<double> a_expected, y_expected;
  for (const int t : four_tokens) {
    const oracle::token_trace trace = exact.step(t);
    const Eigen::MatrixXd at_hubs = exact.graph().hub * trace.A[0];
    for (Eigen::Index h = 0; h < at_hubs.cols(); ++h)
      for (Eigen::Index k = 0; k < at_hubs.rows(); ++k) a_expected.push_back(at_hubs(k, h));
    for (Eigen::Index i = 0; i < trace.y[0].size(); ++i) y_expected.push_back(trace.y[0](i));
  }
  constexpr int runs = 3000;
  for (const bdh::spike_code code : {bdh::spike_code::bernoulli, bdh::spike_code::integrate})
    for (const std::uint32_t bins : {2u, 8u}) {
      CAPTURE(bins);
      bdh::spiking how = only(settings(m, four_tokens, bins), {spike_source::x, spike_source::y});
      how.code = code;
      trials a, y;
      network made = spiking(m, how);
      bdh::simulator& brain = made.brain;
      std::size_t a_at = 0, y_at = 0;
      std::vector<float> sent(m.neurons());
      brain.observe([&](bdh::layer_id layer, bdh::moment at) {
        if (layer != 1) return;
        if (at == bdh::moment::x_ready) {
          made.work->read_sent(bdh::variable::x, sent);
          std::vector<double> arrives(std::size_t{m.heads()} * m.hubs());
          for (bdh::neuron_id i = 0; i < m.neurons(); ++i) {
            const auto row = brain.synapses(1, i);
            for (bdh::neuron_id k = 0; k < m.hubs(); ++k)
              arrives[i / m.neurons_per_head() * m.hubs() + k] += double(row[k]) * sent[i];
          }
          for (const double value : arrives) a.add(a_at++, value);
        }
        if (at == bdh::moment::y_ready)
          for (const float value : brain.read(bdh::variable::y)) y.add(y_at++, value);
      });
      for (int r = 0; r < runs; ++r) {
        a_at = y_at = 0;
        brain.seed_draws(static_cast<std::uint64_t>(r));
        brain.clear_synapses();
        for (const int t : four_tokens) brain.step(as_token(t));
      }
      CHECK(a.worst(a_expected, runs) < 5);
      CHECK(y.worst(y_expected, runs) > 8);  // threshold and gain: what this can see
    }
}

TEST_CASE("what pairs of spikes write is exact in expectation") {
  for (const bool rotates : {false, true}) {
    oracle::circuits c = tests::random_circuits(
        {.neurons = 40, .vocabulary = 7, .layers = 1, .rotates = rotates, .retention = 0.9}, 5);
    c.Gx = c.Gx.cwiseAbs();  // X follows from the spikes of W: without inhibition, linearly
    const bdh::model m = tests::as_direct_graph(c, "normfree", nullptr, false);
    const std::vector<int> tokens = {1, 4, 2, 1};
    oracle::graph_form exact(c, oracle::rules_of(oracle::variant::normfree));
    exact.run(tokens);
    std::vector<double> expected;
    for (bdh::neuron_id i = 0; i < m.neurons(); ++i)
      for (auto e = m.direct().gs.indptr()[i]; e < m.direct().gs.indptr()[i + 1]; ++e)
        expected.push_back(exact.sigma[0](m.direct().gs.indices()[e], i));
    constexpr int runs = 2000;
    for (const bdh::spike_code code : {bdh::spike_code::bernoulli, bdh::spike_code::integrate})
      for (const auto pairing : {bdh::spike_pairing::coincident, bdh::spike_pairing::all}) {
        bdh::spiking how = only(settings(m, tokens, 32), {spike_source::x, spike_source::w});
        how.code = code;
        how.pairing = pairing;
        how.of(spike_source::x).scales[0] *= 3;  // nothing is clipped, whatever W emits
        trials strengths;
        network made = spiking(m, how);
        bdh::simulator& brain = made.brain;
        for (int r = 0; r < runs; ++r) {
          brain.seed_draws(static_cast<std::uint64_t>(r));
          brain.clear_synapses();
          for (const int t : tokens) brain.step(as_token(t));
          std::size_t at = 0;
          for (bdh::neuron_id i = 0; i < m.neurons(); ++i)
            for (const float s : brain.synapses(1, i)) strengths.add(at++, s);
        }
        const double quantum =
            how.of(spike_source::x).scales[0] * how.of(spike_source::w).scales[0] / 32 / 2;
        CHECK(strengths.worst(expected, runs, quantum) < 5);
      }
  }
}

TEST_CASE("where every probability is 0 or 1 a spiking run is the graded one to the last bit") {
  // One-hot tokens, weights of 0 and 1, and a scale of 1.
  oracle::circuits c = tests::random_circuits(
      {.neurons = 40, .vocabulary = 7, .layers = 1, .rotates = true, .retention = 0.9}, 2);
  c.Gx = (c.Gx.array() > 0).cast<double>();
  c.token.setZero();
  for (int t = 0; t < 7; ++t) c.token(5 * t, t) = 1;
  const bdh::model m = tests::as_direct_graph(c, "normfree", nullptr, false);
  const auto tokens = tests::random_tokens(30, 7, 3);
  bdh::simulator graded(m, bdh::cpu_engine(m));
  const outcome expected = run(graded, tokens);
  for (const bdh::spike_code code : {bdh::spike_code::bernoulli, bdh::spike_code::integrate})
    for (const auto pairing : {bdh::spike_pairing::coincident, bdh::spike_pairing::all})
      for (const std::uint32_t bins : {1u, 7u, 100u}) {
        bdh::spiking how;
        how.code = code;
        how.pairing = pairing;
        how.of(spike_source::x) = how.of(spike_source::w) = {bins, {1.0f}};
        network made = spiking(m, how, 9);
        bdh::simulator& brain = made.brain;
        const outcome o = run(brain, tokens);
        CHECK(same_bits(std::span(expected.logits), std::span(o.logits)));
        CHECK(same_bits(expected.synapses[0], o.synapses[0]));
        CHECK(o.reports.back().active_y == expected.reports.back().active_y);
        REQUIRE(o.reports.back().spikes);
        CHECK(o.reports.back().spikes->clipped ==
              o.reports.back().spikes->spikes[0] + o.reports.back().spikes->spikes[2]);
      }
}

TEST_CASE("the bits are those of any sites, threads and instructions, observed or not, resumed") {
  const auto hubs = tests::as_graph(
      tests::random_weights(
          {.neurons_per_head = 200, .heads = 2, .hubs = 37, .vocabulary = 13, .layers = 3}, 4),
      "gpu-release");
  const oracle::weights small = tests::random_weights(
      {.neurons_per_head = 70, .heads = 2, .hubs = 9, .vocabulary = 13, .layers = 2}, 4);
  const bdh::model direct = tests::as_direct_graph(
      oracle::circuits_of(small, oracle::rules_of(oracle::variant::gpu_release)), "gpu-release",
      &small, false);
  const auto tokens = tests::random_tokens(8, 13, 1);
  for (const bdh::model* m : {&hubs, &direct})
    for (const bool gated : {true, false})
      for (const std::uint32_t bins : {5u, 70u}) {
        CAPTURE(m->is_direct());
        CAPTURE(gated);
        bdh::spiking how = settings(*m, tokens, bins, 0.7f);
        if (!gated) how.pairing = bdh::spike_pairing::all;
        if (bins == 5) how.code = bdh::spike_code::integrate;
        auto first = spiking(*m, how, 3);
        const outcome one = run(first.brain, tokens);
        REQUIRE(one.reports.back().spikes);
        CHECK(one.reports.back().spikes->spikes[0] > 0);
        CHECK((one.reports.back().spikes->coincidences > 0) == gated);
        const auto compare = [&](network other) {
          const outcome o = run(other.brain, tokens);
          CHECK(same_bits(one, o));
          const auto &a = *one.reports.back().spikes, &b = *o.reports.back().spikes;
          CHECK((a.spikes == b.spikes && a.coincidences == b.coincidences &&
                 a.clipped == b.clipped && a.spiking_x == b.spiking_x));
          CHECK(one.reports.back().synaptic_events == o.reports.back().synaptic_events);
        };
        compare(spiking(*m, how, 3, 3, 2));
        compare(spiking(*m, how, 3, 7, 1));
        for (const auto set : tests::instruction_sets()) compare(spiking(*m, how, 3, 1, 1, set));
        network watched = spiking(*m, how, 3, 2);
        watched.brain.observe([](bdh::layer_id, bdh::moment) {});
        compare(std::move(watched));
        // Other seeds, other spikes.
        auto other = spiking(*m, how, 4);
        CHECK(!same_bits(one, run(other.brain, tokens)));
        // Saved after every token, and gone on in another network.
        outcome pieces;
        std::unique_ptr<bdh::run_state> state;
        for (const int t : tokens) {
          auto next = spiking(*m, how, 3, 3);
          if (state) next.brain.restore(*state);
          const outcome o = run(next.brain, {t});
          pieces.logits.insert(pieces.logits.end(), o.logits.begin(), o.logits.end());
          pieces.reports.insert(pieces.reports.end(), o.reports.begin(), o.reports.end());
          pieces.synapses = next.brain.save().layers;
          state = std::make_unique<bdh::run_state>(next.brain.save());
        }
        CHECK(same_bits(one, pieces));
      }
}

TEST_CASE("a memory order changes no spike") {
  const oracle::circuits c =
      tests::random_circuits({.neurons = 60, .vocabulary = 7, .layers = 1, .rotates = true}, 6);
  const auto make = [&] { return tests::as_direct_graph(c, "normfree", nullptr, false); };
  const bdh::model m = make(), moved = tests::in_random_order(make(), 3);
  const auto tokens = tests::random_tokens(5, 7, 1);
  const bdh::spiking how = only(settings(m, tokens, 16), {spike_source::x, spike_source::w});
  auto a = spiking(m, how, 2), b = spiking(moved, how, 2);
  for (const int t : tokens) {
    const auto one = a.brain.step(as_token(t)), other = b.brain.step(as_token(t));
    CHECK(one.spikes->spikes == other.spikes->spikes);
    CHECK(one.spikes->coincidences == other.spikes->coincidences);
    std::vector<float> x(60), x_moved(60);
    a.work->read_sent(bdh::variable::x, x);
    b.work->read_sent(bdh::variable::x, x_moved);
    CHECK(x == x_moved);
  }
}

TEST_CASE("synapses between neurons are what the trains of both sides write") {
  const oracle::circuits c =
      tests::random_circuits({.neurons = 40, .vocabulary = 7, .layers = 2, .retention = 0.5}, 8);
  const bdh::model m = tests::as_direct_graph(c, "normfree", nullptr, false);
  const auto tokens = tests::random_tokens(6, 7, 2);
  const bdh::spiking how = only(settings(m, tokens, 32), {spike_source::x, spike_source::w});
  network made = spiking(m, how, 5, 2);
  bdh::simulator& brain = made.brain;
  const bdh::projection& gs = m.direct().gs;
  std::vector<std::vector<float>> rebuilt(2, std::vector<float>(gs.edges()));
  brain.observe([&](bdh::layer_id layer, bdh::moment at) {
    if (at != bdh::moment::x_ready) return;
    const auto x = brain.read(bdh::variable::x), w = brain.read(bdh::variable::w);
    const auto of = [&](spike_source s, bdh::emission e) {
      return bdh::window_of(how, m, 5, s, e, layer, 0, brain.tokens());
    };
    const auto x_window = of(spike_source::x, bdh::emission::x),
               w_window = of(spike_source::w, bdh::emission::w_write);
    for (bdh::neuron_id i = 0; i < m.neurons(); ++i) {
      const std::uint64_t mine = bdh::train_of(x_window, false, i, x[i])[0];
      for (auto e = gs.indptr()[i]; e < gs.indptr()[i + 1]; ++e) {
        const bdh::neuron_id j = gs.indices()[e];
        const std::uint64_t theirs = bdh::train_of(w_window, false, j, w[j])[0];
        const int pairs = __builtin_popcountll(mine & theirs);
        const float amount = static_cast<float>(double(x_window.scale) * pairs / 32);
        float& s = rebuilt[layer - 1][e];
        s = s + w_window.scale * (gs.weights()[e] * amount);
      }
    }
  });
  for (const int t : tokens) {
    brain.step(as_token(t));
    for (auto& layer : rebuilt)
      for (float& s : layer) s *= 0.5f;  // a power of two: exact, whenever it is applied
    for (bdh::layer_id l = 1; l <= 2; ++l) {
      std::vector<bdh::edge_id> which(gs.edges());
      for (std::size_t e = 0; e < which.size(); ++e) which[e] = e;
      std::vector<float> found(which.size());
      brain.synapses(l, which, found);
      CHECK(found == rebuilt[l - 1]);
    }
  }
}

TEST_CASE("interventions act before the draw") {
  const bdh::model m = bdh::import_checkpoint(random_64);
  const bdh::spiking how = only(settings(m, four_tokens, 32), {spike_source::x, spike_source::y});
  network made = spiking(m, how);
  bdh::simulator& brain = made.brain;
  brain.interventions().add(bdh::silence(bdh::variable::x, {3, 7}));
  brain.interventions().add(bdh::clamp(bdh::variable::x, {9}, 1e9));
  std::vector<float> sent(m.neurons());
  brain.observe([&, w = made.work](bdh::layer_id layer, bdh::moment at) {
    if (at != bdh::moment::x_ready) return;
    w->read_sent(bdh::variable::x, sent);
    CHECK((sent[3] == 0 && sent[7] == 0));
    CHECK(sent[9] == how.of(spike_source::x).scales[layer - 1]);  // a spike in every bin
  });
  for (const int t : four_tokens) CHECK(brain.step(as_token(t)).spikes->clipped >= 3 * 32);
}

TEST_CASE("more bins are closer to the graded run, as fast as their code says") {
  const bdh::model m = bdh::import_checkpoint(random_64);
  const auto tokens = tests::random_tokens(32, 256, 11);
  bdh::simulator graded(m, bdh::cpu_engine(m));
  const auto log_probabilities = [](std::span<const float> logits) {
    double most = *std::max_element(logits.begin(), logits.end()), sum = 0;
    for (const float z : logits) sum += std::exp(z - most);
    std::vector<double> all;
    for (const float z : logits) all.push_back(z - most - std::log(sum));
    return all;
  };
  std::vector<std::vector<double>> exact;
  for (const int t : tokens) {
    graded.step(as_token(t));
    exact.push_back(log_probabilities(graded.logits()));
  }
  const bdh::spiking scaled = only(settings(m, tokens, 1), {spike_source::x, spike_source::y});
  const auto error = [&](bdh::spike_code code, bool half, std::uint32_t bins) {
    bdh::spiking how = scaled;
    how.code = code;
    how.half_phase = half;
    how.of(spike_source::x).bins = how.of(spike_source::y).bins = bins;
    double squares = 0;
    std::size_t n = 0;
    const int seeds = half ? 1 : 20;
    network made = spiking(m, how);
    bdh::simulator& brain = made.brain;
    for (int seed = 0; seed < seeds; ++seed) {
      brain.seed_draws(static_cast<std::uint64_t>(seed));
      brain.clear_synapses();
      for (std::size_t t = 0; t < tokens.size(); ++t) {
        brain.step(as_token(tokens[t]));
        const auto found = log_probabilities(brain.logits());
        for (std::size_t v = 0; v < found.size(); ++v, ++n)
          squares += (found[v] - exact[t][v]) * (found[v] - exact[t][v]);
      }
    }
    return std::sqrt(squares / static_cast<double>(n));
  };
  const auto falls = [&](bdh::spike_code code, bool half) {
    return std::vector{error(code, half, 64), error(code, half, 256), error(code, half, 1024)};
  };
  const auto chance = falls(bdh::spike_code::bernoulli, false),
             regular = falls(bdh::spike_code::integrate, false),
             half = falls(bdh::spike_code::integrate, true);
  for (const auto* all : {&chance, &regular, &half})
    MESSAGE((*all)[0] << " " << (*all)[1] << " " << (*all)[2]);
  for (int k = 0; k < 2; ++k) {
    CHECK(chance[k] / chance[k + 1] > 1.5);
    CHECK(chance[k] / chance[k + 1] < 2.4);
    CHECK(regular[k] / regular[k + 1] > 3.2);
    CHECK(regular[k] / regular[k + 1] < 4.5);
  }
  CHECK(half[0] / half[2] > 8);
  CHECK(half[0] / half[2] < 24);
  CHECK(chance[1] < 0.4);
  CHECK(regular[1] < 0.05);
  CHECK(half[1] < 0.05);
}

TEST_CASE("what cannot run as spikes is refused") {
  const bdh::model m = bdh::import_checkpoint(random_64);
  const bdh::spiking good = settings(m, four_tokens, 8);
  const auto refuses = [&](const std::function<void(bdh::spiking&)>& change) {
    bdh::spiking how = good;
    change(how);
    CHECK_THROWS_AS(spiking(m, how), bdh::error);
  };
  refuses([](bdh::spiking& s) { s.of(spike_source::x).bins = 1025; });
  refuses([](bdh::spiking& s) { s.of(spike_source::x).scales[1] = 0; });
  refuses([](bdh::spiking& s) { s.of(spike_source::x).scales[1] = std::nanf(""); });
  refuses([](bdh::spiking& s) { s.of(spike_source::y).scales.pop_back(); });
  refuses([](bdh::spiking& s) { s.of(spike_source::w).bins = 16; });  // the gate
  refuses([](bdh::spiking& s) { s.half_phase = true; });
  refuses([](bdh::spiking& s) { s.of(spike_source::w_sensory) = {8, {1, 1, 1}}; });
  network made = spiking(m, good);
  bdh::simulator& brain = made.brain;
  CHECK(brain.prefill().refused());
  CHECK_THROWS_AS(brain.probes().add({{1, 2}, 2}), bdh::unavailable_error);
}
