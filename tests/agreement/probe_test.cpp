// Probes against a dense double-precision accumulation of what they are defined to be.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <map>
#include <numbers>
#include <optional>
#include <string>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>
#include <bdh/intervention.hpp>
#include <bdh/simulator.hpp>

#include "core/base/random.hpp"
#include "core/model/direct_form.hpp"
#include "support/models.hpp"

namespace {

struct expected {
  double strength = 0, absolute = 0;  // and the sum of the absolute terms
};

// sigma(i->j) after the tokens of `traces`: sum over tau of f_tau(j) u^k (R^k x_tau)(i), k = tokens
// since tau, the last one counting 1.
expected accumulate(const std::vector<oracle::token_trace>& traces, const oracle::weights& w,
                    const bdh::probe_spec& p) {
  expected sum;
  const std::size_t l = p.layer - 1;
  const int N = w.n / w.heads;
  for (std::size_t tau = 0; tau < traces.size(); ++tau) {
    const double k = static_cast<double>(traces.size() - tau), i = p.pair.pre;
    double factor = 0;
    if (p.factor == bdh::probe_factor::w) factor = traces[tau].W[l](p.pair.post);
    if (p.factor == bdh::probe_factor::y && l > 0 && p.pair.post < static_cast<unsigned>(w.n))
      factor = traces[tau].y[l - 1](p.pair.post);
    const Eigen::VectorXd& x = traces[tau].x[l];
    const int even = p.pair.pre & ~1u;
    std::complex<double> pair(x(even), x(even + 1));
    if (w.frequency.empty())
      pair = {p.pair.pre % 2 == 0 ? x(even) : 0.0, p.pair.pre % 2 == 1 ? x(even + 1) : 0.0};
    else  // row vector times R^k: even a c + b s, odd b c - a s
      pair *= std::polar(
          1.0, -2 * std::numbers::pi * k * w.frequency[static_cast<std::size_t>(even % N / 2)]);
    const double u = std::pow(w.retention, k);
    sum.strength += factor * u * (static_cast<int>(i) % 2 == 0 ? pair.real() : pair.imag());
    sum.absolute += std::abs(factor) * u *
                    (w.frequency.empty() ? x(static_cast<int>(i)) : x(even) + x(even + 1));
  }
  return sum;
}

}  // namespace

TEST_CASE(
    "probes of both factors, with rotation, retention, heads and any sites, are the dense "
    "accumulation") {
  for (const std::string variant : {"gpu-release", "gpu-paper", "normfree"})
    for (const bool rotates : {true, false})
      for (const double retention : {1.0, 0.9}) {
        const int heads = variant == "gpu-release" ? 2 : 1;
        oracle::weights w = tests::random_weights({.neurons_per_head = 64,
                                                   .heads = heads,
                                                   .hubs = 12,
                                                   .vocabulary = 20,
                                                   .layers = 3,
                                                   .rotates = rotates},
                                                  21);
        w.retention = retention;
        const std::map<std::string, oracle::variant> of{
            {"gpu-release", oracle::variant::gpu_release},
            {"gpu-paper", oracle::variant::gpu_paper},
            {"normfree", oracle::variant::normfree}};
        const auto rules = oracle::rules_of(of.at(variant));
        const bdh::model m = tests::as_graph(w, variant);
        bdh::simulator brain(
            m, bdh::cpu_engine(
                   m, {.sites = 3, .instructions = bdh::instruction_set::best, .retention = {}}));
        oracle::graph_form reference(oracle::circuits_of(w, rules), rules);
        for (bdh::layer_id l = 1; l <= 3; ++l)
          for (bdh::neuron_id i = 0; i < m.neurons(); i += 3)
            for (bdh::neuron_id j = 0; j < m.sources(); j += 7)
              for (auto f : {bdh::probe_factor::w, bdh::probe_factor::y})
                brain.probes().add({{i, j}, l, f});
        std::vector<oracle::token_trace> traces,
            own;  // own: X, Y, W as the program has them, in float32
        const auto keep = [&](std::vector<Eigen::VectorXd>& to, const std::vector<float>& v) {
          to.push_back(
              Eigen::Map<const Eigen::VectorXf>(v.data(), static_cast<Eigen::Index>(v.size()))
                  .cast<double>());
        };
        brain.observe([&](bdh::layer_id layer, bdh::moment at) {
          if (at == bdh::moment::x_ready && layer == 1) own.emplace_back();
          if (at == bdh::moment::x_ready) keep(own.back().x, brain.read(bdh::variable::x));
          if (at == bdh::moment::synapses_written) keep(own.back().W, brain.sources().activity());
          if (at == bdh::moment::y_ready) keep(own.back().y, brain.read(bdh::variable::y));
        });
        int moving = 0;
        for (const int t : tests::random_tokens(25, 20, 4)) {
          brain.step(static_cast<bdh::token_id>(t));
          traces.push_back(reference.step(t));
        }
        CAPTURE(variant);
        CAPTURE(rotates);
        CAPTURE(retention);
        double worst = 0, against_oracle = 0, against_sigma = 0, largest[3] = {};
        for (std::size_t p = 0; p < brain.probes().size(); ++p) {
          double& most = largest[brain.probes().what(p).layer - 1];
          most = std::max(most, accumulate(traces, w, brain.probes().what(p)).absolute);
        }
        for (std::size_t p = 0; p < brain.probes().size(); ++p) {
          const bdh::probe_spec& what = brain.probes().what(p);
          const expected e = accumulate(traces, w, what);
          if (e.absolute == 0) {
            CHECK(brain.probes().strength(p) == 0);
            continue;
          }
          ++moving;
          const expected of_own = accumulate(own, w, what);
          worst = std::max(
              worst, std::abs(brain.probes().strength(p) - of_own.strength) / of_own.absolute);
          // X and W in float32 are what neurons near their threshold make of them: small sums are
          // measured on a hundredth of the largest.
          const double scale = std::max(e.absolute, 0.01 * largest[what.layer - 1]);
          against_oracle =
              std::max(against_oracle, std::abs(brain.probes().strength(p) - e.strength) / scale);
          if (what.factor == bdh::probe_factor::w)
            against_sigma =
                std::max(against_sigma,
                         std::abs(reference.sigma[what.layer - 1](what.pair.post, what.pair.pre) -
                                  e.strength) /
                             e.absolute);
        }
        CHECK(moving > 500);
        CHECK(worst < 1e-12);
        CHECK(against_oracle < 1e-5);
        CHECK(against_sigma < 1e-12);  // the accumulation above is the oracle's own state
      }
}

TEST_CASE("a probe changes no bit, and gives the token since which it is exact") {
  const oracle::weights w = tests::random_weights(
      {.neurons_per_head = 64, .heads = 2, .hubs = 12, .vocabulary = 20, .layers = 3}, 21);
  const bdh::model m = tests::as_graph(w, "gpu-release");
  bdh::simulator plain(m, bdh::cpu_engine(m)), probed(m, bdh::cpu_engine(m));
  CHECK(probed.probes().add({{3, 5}, 2}) == 0);
  CHECK(probed.probes().add({{3, 5}, 2}) == 0);
  for (int t : tests::random_tokens(9, 20, 4)) {
    plain.step(static_cast<bdh::token_id>(t));
    probed.step(static_cast<bdh::token_id>(t));
    CHECK(std::equal(plain.logits().begin(), plain.logits().end(), probed.logits().begin()));
  }
  CHECK(probed.probes().strength(2, {3, 5}).has_value());
  CHECK_FALSE(probed.probes().strength(3, {3, 5}).has_value());
  probed.probes().add({{3, 5}, 3});
  CHECK(probed.probes().since(1) == 9);
  CHECK_FALSE(
      probed.probes().strength(3, {3, 5}).has_value());  // it has seen nothing of the first tokens
  CHECK_THROWS_WITH_AS(probed.probes().add({{128, 5}, 3}), "neuron: 128, expected 0 to 127",
                       bdh::input_error);
  CHECK_THROWS_WITH_AS(probed.probes().add({{1, 148}, 3}), "source: 148, expected 0 to 147",
                       bdh::input_error);
  CHECK_THROWS_WITH_AS(probed.probes().add({{1, 1}, 4}), "layer: 4, expected 1 to 3",
                       bdh::input_error);
  // Saved and restored, it goes on as if nothing had been.
  bdh::simulator again(
      m, bdh::cpu_engine(
             m, {.sites = 3, .instructions = bdh::instruction_set::best, .retention = {}}));
  again.restore(probed.save());
  again.step(1);
  probed.step(1);
  CHECK(again.probes().strength(0) == probed.probes().strength(0));
  CHECK(again.probes().since(1) == 9);
}

TEST_CASE(
    "a state with probes is refused where there can be none, a lesion that it may not have too") {
  const bdh::model m =
      tests::as_graph(tests::random_weights({.neurons_per_head = 32}, 1), "gpu-release");
  bdh::simulator probed(m, bdh::cpu_engine(m));
  probed.probes().add({{3, 5}, 1});
  probed.step(1);
  bdh::round_table changed = bdh::round_table::published();
  std::swap(changed.rounds[0], changed.rounds[1]);
  bdh::simulator other(m, bdh::cpu_engine(m), {.table = changed});
  CHECK_THROWS_WITH_AS(other.restore(probed.save()),
                       "probe: a changed round table, expected the published one",
                       bdh::unavailable_error);
  CHECK(other.tokens() == 0);

  bdh::simulator lesioned(m, bdh::cpu_engine(m));
  const int lesion = lesioned.interventions().add(bdh::parse_intervention(m, "lesion 5"));
  CHECK_THROWS_AS(lesioned.restore(probed.save()), bdh::unavailable_error);
  lesioned.interventions().remove(lesion);
  lesioned.restore(probed.save());
  CHECK(lesioned.tokens() == 1);
}

TEST_CASE(
    "the same bits for any number of sites and threads, with other observers, stepped at once or "
    "by "
    "rounds") {
  for (const bool direct : {false, true}) {
    CAPTURE(direct);
    const oracle::weights w = tests::random_weights(
        {.neurons_per_head = 64, .heads = 2, .hubs = 12, .vocabulary = 20, .layers = 3}, 22);
    const bdh::model hubs = tests::as_graph(w, "gpu-release");
    const std::optional<bdh::direct_form> explicit_edges =
        direct ? std::optional(bdh::as_direct(hubs)) : std::nullopt;
    const bdh::model& m = direct ? explicit_edges->graph : hubs;
    const auto engine = [&m](bdh::site_id sites) {
      return bdh::cpu_engine(
          m, {.sites = sites, .instructions = bdh::instruction_set::best, .retention = 0.97});
    };
    bdh::simulator alone(m, engine(1)), shared(m, engine(5), {.threads = 3}),
        observed(m, engine(2), {.threads = 2}), by_rounds(m, engine(3));
    bdh::simulator* const all[] = {&alone, &shared, &observed, &by_rounds};
    observed.observe([](bdh::layer_id, bdh::moment) {});
    std::uint64_t chosen = 0;
    const auto place = [&](int count) {
      for (int k = 0; k < count; ++k, ++chosen) {
        const auto number = [&](std::uint64_t which, std::uint32_t below) {
          return static_cast<bdh::neuron_id>(
              bdh::uniform(7, bdh::purpose::selection, chosen, which) * below);
        };
        const bdh::probe_spec what{{number(0, m.neurons()), number(1, m.sources())},
                                   static_cast<bdh::layer_id>(1 + number(2, m.layers())),
                                   number(3, 3) == 0 ? bdh::probe_factor::y : bdh::probe_factor::w};
        for (bdh::simulator* brain : all) brain->probes().add(what);
      }
    };
    for (bdh::simulator* brain : all) brain->follow_sources();
    place(700);
    const std::vector<int> tokens = tests::random_tokens(30, 20, 5);
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      if (t == 11) place(300);  // some more, in the middle
      const auto token = static_cast<bdh::token_id>(tokens[t]);
      for (bdh::simulator* brain : {&alone, &shared, &observed}) brain->step(token);
      by_rounds.begin(token);
      for (int r = 0; by_rounds.advance() && r < static_cast<int>(t % 12);)
        ++r;  // and the rest at once
      by_rounds.finish();
    }
    int strong = 0;
    for (std::size_t p = 0; p < alone.probes().size(); ++p) {
      strong += alone.probes().strength(p) != 0;
      for (const bdh::simulator* brain : all)
        REQUIRE(brain->probes().strength(p) == alone.probes().strength(p));
    }
    CHECK(strong > 300);
    for (const bdh::simulator* brain : all)
      CHECK(brain->sources().activity() == alone.sources().activity());
  }
}

TEST_CASE(
    "a synapse that is reset is forgotten by the probes of both factors, one that is set by none") {
  const oracle::weights w = tests::random_weights(
      {.neurons_per_head = 32, .heads = 2, .hubs = 12, .vocabulary = 20, .layers = 2}, 23);
  const bdh::model m = tests::as_graph(w, "gpu-release");
  bdh::simulator brain(m, bdh::cpu_engine(m));
  const bdh::neuron_pair pair{3, 5};
  const std::size_t by_w = brain.probes().add({pair, 2, bdh::probe_factor::w}),
                    by_y = brain.probes().add({pair, 2, bdh::probe_factor::y});
  for (const bdh::layer_id l : {1u, 2u})
    for (const bdh::neuron_id i : {2u, 3u}) brain.probes().add({{i, 5}, l, bdh::probe_factor::w});
  brain.probes().add({{2, 5}, 2, bdh::probe_factor::y});
  for (int t : tests::random_tokens(30, 20, 4)) brain.step(static_cast<bdh::token_id>(t));
  const double was = brain.probes().strength(by_y);
  CHECK(was != 0);
  brain.interventions().add(bdh::parse_intervention(m, "set synapses:3->5 0.5", 30));
  brain.interventions().add(bdh::parse_intervention(m, "silence x:3", 30));
  brain.step(1);
  CHECK(std::abs(brain.probes().strength(by_y)) > 0);
  brain.interventions().add(bdh::parse_intervention(m, "reset synapses:3->5,2->5", 31));
  brain.interventions().add(bdh::parse_intervention(m, "silence x:2,3", 31));
  brain.step(1);
  CHECK(brain.probes().strength(by_w) == 0);
  CHECK(brain.probes().strength(by_y) == 0);
}

// Rotation mixes the synapses of a pair of neurons: what sets one of them changes what the other
// becomes.
TEST_CASE("a probe follows when the synapse of its rotation partner is set or reset") {
  const oracle::weights w = tests::random_weights(
      {.neurons_per_head = 32, .heads = 2, .hubs = 12, .vocabulary = 20, .layers = 2}, 23);
  const bdh::direct_form form = bdh::as_direct(tests::as_graph(w, "gpu-release"));
  bdh::simulator brain(form.graph, bdh::cpu_engine(form.graph));
  const std::size_t p = brain.probes().add({{2, 5}, 2, bdh::probe_factor::w});
  for (int t : tests::random_tokens(30, 20, 4)) brain.step(static_cast<bdh::token_id>(t));
  const auto follows = [&] {
    brain.step(1);
    brain.step(2);
    const double strength = brain.synapse(2, 2, 5);
    CHECK(brain.probes().strength(p) == doctest::Approx(strength).epsilon(1e-4));
    return strength;
  };
  const double before = follows();
  brain.interventions().add(bdh::parse_intervention(form.graph, "set synapses:3->5 50", 32));
  CHECK(std::abs(follows() - before) > 0.1);
  brain.interventions().add(bdh::parse_intervention(form.graph, "reset synapses:3->5", 34));
  follows();
}
