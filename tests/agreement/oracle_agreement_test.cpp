// The engine against the dense double-precision oracle: activity, W, logits and every synapse, for
// all variants and round tables.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include <bdh/cpu_engine.hpp>
#include <bdh/simulator.hpp>

#include "support/models.hpp"

namespace {

// Largest difference, relative to the largest expected value: float32 arithmetic over sums of up to
// a few hundred terms and a few dozen tokens of feedback, amplified where a pool of few hubs has a
// small variance. 3e-5 is 500 units in the last place.
constexpr double tolerance = 3e-5;

template <class Actual, class Expected>
double difference(const Actual& actual, const Expected& expected) {
  double largest = 1e-30, worst = 0;
  REQUIRE(static_cast<Eigen::Index>(actual.size()) == expected.size());
  for (Eigen::Index i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(expected(i)));
    worst = std::max(
        worst, std::abs(static_cast<double>(actual[static_cast<std::size_t>(i)]) - expected(i)));
  }
  return worst / largest;
}

oracle::variant variant_of(const std::string& name) {
  if (name == "bdh") return oracle::variant::bdh;
  if (name == "normfree") return oracle::variant::normfree;
  return name == "gpu-paper" ? oracle::variant::gpu_paper : oracle::variant::gpu_release;
}

// The first `learning` tokens are read under the published table, the others under `table`.
void compare(const oracle::weights& w, const std::string& variant, const std::vector<int>& tokens,
             const bdh::round_table& table, const oracle::round_table& expected_table,
             bdh::site_id sites, std::size_t learning = 0) {
  CAPTURE(variant);
  CAPTURE(sites);
  const bdh::model m = tests::as_graph(w, variant);
  const bdh::cpu_options cpu{
      .sites = sites, .instructions = bdh::instruction_set::best, .retention = {}};
  bdh::simulator brain(m, bdh::cpu_engine(m, cpu), {.threads = 1, .table = table});
  oracle::graph_form reference(w, variant_of(variant));
  bdh::simulator pupil(m, bdh::cpu_engine(m, cpu));
  for (std::size_t t = 0; t < learning; ++t) {
    pupil.step(static_cast<bdh::token_id>(tokens[t]));
    reference.step(tokens[t]);
  }
  brain.restore(pupil.save());
  reference.rounds = expected_table;

  std::vector<std::vector<float>> x, y, hub_w;
  brain.observe([&](bdh::layer_id, bdh::moment at) {
    if (at == bdh::moment::x_ready) x.push_back(brain.read(bdh::variable::x));
    if (at == bdh::moment::y_ready) {
      y.push_back(brain.read(bdh::variable::y));
      hub_w.push_back(brain.read(bdh::variable::w));
    }
  });
  bdh::neuron_id fired = 0;
  for (std::size_t t = learning; t < tokens.size(); ++t) {
    const int token = tokens[t];
    CAPTURE(t);
    x.clear();
    y.clear();
    hub_w.clear();
    const bdh::step_report report = brain.step(static_cast<bdh::token_id>(token));
    const oracle::token_trace expected = reference.step(token);
    REQUIRE(x.size() == static_cast<std::size_t>(w.layers));
    for (std::size_t l = 0; l < x.size(); ++l) {
      CAPTURE(l);
      CHECK(difference(x[l], expected.x[l]) < tolerance);
      CHECK(difference(y[l], expected.y[l]) < tolerance);
      const Eigen::VectorXd hubs = reference.graph().hub * expected.W[l + 1];
      CHECK(difference(hub_w[l], hubs) < tolerance);
      fired += report.active_y[l];
    }
    CHECK(difference(brain.logits(), expected.logits) < tolerance);
  }
  CHECK(fired > (tokens.size() - learning) *
                    static_cast<std::size_t>(
                        w.layers));  // not silent: on average more than one neuron a layer
  for (int l = 1; l <= w.layers; ++l) {
    const Eigen::MatrixXd rho = reference.rho(l - 1);
    const double largest = std::max(rho.cwiseAbs().maxCoeff(), 1e-30);
    double worst = 0;
    for (int i = 0; i < w.n; ++i) {
      const auto row =
          brain.synapses(static_cast<bdh::layer_id>(l), static_cast<bdh::neuron_id>(i));
      for (int k = 0; k < w.d; ++k)
        worst = std::max(
            worst, std::abs(static_cast<double>(row[static_cast<std::size_t>(k)]) - rho(k, i)));
    }
    CAPTURE(l);
    CHECK(worst / largest < tolerance);
  }
}

bdh::round_table changed(std::vector<bdh::action> round_1) {
  bdh::round_table table = bdh::round_table::published();
  table.rounds[1] = std::move(round_1);
  return table;
}

}  // namespace

TEST_CASE("every variant follows its equations, with one site and with several") {
  for (const std::string variant : {"gpu-release", "gpu-paper", "normfree", "bdh"})
    for (const bool rotates : {true, false})
      for (const double retention : {1.0, 0.9})
        for (const bdh::site_id sites : {1u, 3u}) {
          tests::shape s{.neurons_per_head = 70,
                         .heads = 1,
                         .hubs = 37,
                         .vocabulary = 11,
                         .layers = 3,
                         .rotates = rotates};
          oracle::weights w = tests::random_weights(s, 5);
          if (variant == "bdh" || variant == "normfree")
            w.Dy *= 0.2;  // nothing else bounds activity where A has no gain
          if (variant == "bdh") w.Dx *= 0.3;
          w.retention = retention;
          CAPTURE(rotates);
          CAPTURE(retention);
          compare(w, variant, tests::random_tokens(20, s.vocabulary, 3),
                  bdh::round_table::published(), oracle::usual_rounds, sites);
        }
}

TEST_CASE(
    "heads of many sizes, with blocks that do not fill and hubs that do not fill a register") {
  for (const auto& [per_head, heads, hubs] :
       {std::array{64, 1, 32}, {2, 3, 5}, {130, 2, 64}, {66, 4, 33}, {256, 3, 48}}) {
    tests::shape s{.neurons_per_head = per_head,
                   .heads = heads,
                   .hubs = hubs,
                   .vocabulary = 7,
                   .layers = 2,
                   .rotates = true};
    if (per_head == 2) s.layers = 6;
    CAPTURE(s.neurons_per_head);
    const oracle::weights w = tests::random_weights(s, 11);
    for (const bdh::site_id sites : {1u, 2u, 7u})
      compare(w, "gpu-release", tests::random_tokens(16, s.vocabulary, 4),
              bdh::round_table::published(), oracle::usual_rounds, sites);
  }
}

TEST_CASE("a changed round table gives the dynamics of the changed table") {
  tests::shape s{.neurons_per_head = 96,
                 .heads = 2,
                 .hubs = 24,
                 .vocabulary = 9,
                 .layers = 2,
                 .rotates = true};
  oracle::weights w = tests::random_weights(s, 21);
  w.retention = 0.8;
  const auto tokens = tests::random_tokens(20, s.vocabulary, 8);
  SUBCASE("reweighting removed") {
    compare(w, "gpu-release", tokens, changed({bdh::action::decay}), oracle::no_reweighting, 2, 10);
  }
  SUBCASE("decay before the write") {
    compare(w, "gpu-release", tokens, changed({bdh::action::decay, bdh::action::reweight}),
            oracle::decay_before_write, 2, 5);
  }
  SUBCASE("the tables differ from each other") {
    const auto after = [&](const bdh::round_table& table) {
      const bdh::model m = tests::as_graph(w, "gpu-release");
      bdh::simulator brain(m, bdh::cpu_engine(m), {.threads = 1, .table = table});
      for (int t : tokens) brain.step(static_cast<bdh::token_id>(t));
      return std::vector<float>(brain.logits().begin(), brain.logits().end());
    };
    const auto published = after(bdh::round_table::published());
    CHECK(published != after(changed({bdh::action::decay})));
    CHECK(published != after(changed({bdh::action::decay, bdh::action::reweight})));
  }
}
