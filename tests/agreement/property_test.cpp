// Eq. 6, 7 and 8 on random small graphs against the dense double-precision oracle: any circuit,
// rotation, retention, number of sites, and order in which sites work. A graph that fails is shrunk
// to the smallest one that still does.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>
#include <bdh/simulator.hpp>

#include "core/base/executor.hpp"
#include "core/base/random.hpp"
#include "support/models.hpp"

namespace {

constexpr double tolerance = 1e-4;
constexpr double bound = 1e4;  // of the values of a graph that is compared
constexpr double unbounded = std::numeric_limits<double>::infinity();

struct graph {
  std::uint64_t seed = 0;
  int equation = 6;  // 6, 7, 8
  int neurons = 8, heads = 1, vocabulary = 2, layers = 1, tokens = 4, degree = 2, hubs = 4;
  bool rotates = false, own_retention = false, hub_circuits = false;
  double retention = 1;
  int sites = 1;
  bool permuted = false;
};

std::string shown(const graph& g) {
  const auto number = [](const char* name, auto value) {
    return std::string(name) + " " + std::to_string(value) + ", ";
  };
  return number("seed", g.seed) + number("equation", g.equation) + number("neurons", g.neurons) +
         number("heads", g.heads) + number("vocabulary", g.vocabulary) +
         number("layers", g.layers) + number("tokens", g.tokens) + number("degree", g.degree) +
         number("hubs", g.hubs) + number("rotates", g.rotates) +
         number("u per edge", g.own_retention) + number("through hubs", g.hub_circuits) +
         number("retention", g.retention) + number("sites", g.sites) +
         number("permuted", g.permuted);
}

graph drawn(std::uint64_t seed) {
  std::uint64_t count = 0;
  const auto below = [&](int n) {
    return static_cast<int>(bdh::uniform(seed, bdh::purpose::test_weights, count++, 7) * n);
  };
  graph g;
  g.seed = seed;
  g.equation = 6 + static_cast<int>(seed % 3);
  g.neurons = 2 * (2 + below(seed % 5 == 0 ? 70 : 14));  // a few with more than one block of 64
  g.vocabulary = 1 + below(6);
  g.layers = 1 + below(3);
  g.tokens = 3 + below(10);
  g.degree = 1 + below(8);
  g.hubs = 2 + below(8);
  g.rotates = below(2) == 1;
  g.hub_circuits = g.equation != 6 && below(2) == 1;
  g.own_retention = g.equation != 8 && !g.hub_circuits && below(2) == 1;
  g.retention = below(2) == 1 ? 1 : 0.5 + 0.5 * below(100) / 100;
  g.sites = 1 + below(4);
  g.permuted = below(2) == 1;
  const bool whole_pairs = g.neurons % 4 == 0;  // in each of two heads
  if (g.equation != 8 && !g.hub_circuits && whole_pairs && below(2) == 1) g.heads = 2;
  return g;
}

// Does the pieces of work in an order drawn anew each time.
class permuted_executor final : public bdh::executor {
 public:
  explicit permuted_executor(std::uint64_t seed) : seed_(seed) {}
  void for_each(std::size_t count, const std::function<void(std::size_t)>& work) override {
    std::vector<std::size_t> all(count);
    std::iota(all.begin(), all.end(), std::size_t{0});
    for (std::size_t k = count; k > 1; --k)
      std::swap(all[k - 1], all[static_cast<std::size_t>(
                                bdh::uniform(seed_, bdh::purpose::test_weights, draws_++, 8) *
                                static_cast<double>(k))]);
    for (std::size_t k : all) work(k);
  }
  std::size_t threads() const noexcept override { return 1; }

 private:
  std::uint64_t seed_, draws_ = 0;
};

double relative(std::span<const float> actual, const Eigen::VectorXd& expected) {
  double worst = 0;
  for (Eigen::Index i = 0; i < expected.size(); ++i) {
    const double d =
        std::abs(static_cast<double>(actual[static_cast<std::size_t>(i)]) - expected(i));
    worst = std::max(worst, std::isfinite(d) ? d : 1e300);
  }
  return worst / std::max(expected.cwiseAbs().maxCoeff(), 1e-30);
}

struct outcome {
  bool lively = false;    // Y fired, and nothing grew beyond bounds; or a wrong refusal
  double difference = 0;  // the largest, of X, Y and the logits
};

std::pair<oracle::variant, const char*> dynamics_of(int equation) {
  if (equation == 6) return {oracle::variant::bdh, "bdh"};
  if (equation == 7) return {oracle::variant::normfree, "normfree"};
  return {oracle::variant::gpu_paper, "gpu-paper"};
}

// The largest value of one token; infinite where one is not finite.
double largest_of(const oracle::token_trace& t) {
  double largest = 0;
  for (const auto* layers : {&t.x, &t.y, &t.W})
    for (const Eigen::VectorXd& v : *layers)
      largest = v.allFinite() ? std::max(largest, v.cwiseAbs().maxCoeff()) : unbounded;
  for (const Eigen::MatrixXd& a : t.A)
    largest = a.allFinite() ? std::max(largest, a.cwiseAbs().maxCoeff()) : unbounded;
  return largest;
}

outcome judge(const graph& g) {
  const auto [kind, variant] = dynamics_of(g.equation);
  const auto rules = oracle::rules_of(kind);
  oracle::circuits c;
  std::optional<bdh::model> m;
  if (g.equation == 8 || g.hub_circuits) {
    oracle::weights w = tests::random_weights({.neurons_per_head = g.neurons,
                                               .heads = 1,
                                               .hubs = g.hubs,
                                               .vocabulary = g.vocabulary,
                                               .layers = g.layers,
                                               .rotates = g.rotates},
                                              g.seed);
    w.retention = static_cast<float>(g.retention);
    c = oracle::circuits_of(w, rules);
    m.emplace(g.hub_circuits ? tests::as_graph(w, variant)
                             : tests::as_direct_graph(c, variant, &w, false));
  } else {
    c = tests::random_circuits({.neurons = g.neurons,
                                .heads = g.heads,
                                .vocabulary = g.vocabulary,
                                .layers = g.layers,
                                .degree = static_cast<double>(g.degree),
                                .rotates = g.rotates,
                                .own_retention = g.own_retention,
                                .retention = g.retention},
                               g.seed);
    if (c.token.maxCoeff() == 0) return {};  // no token excites anything: not a model
    m.emplace(tests::as_direct_graph(c, variant, nullptr, g.own_retention));
  }
  bdh::simulator_options options;
  if (g.permuted) options.work = std::make_shared<permuted_executor>(g.seed);
  bdh::simulator brain(*m,
                       bdh::cpu_engine(*m, {.sites = static_cast<bdh::site_id>(g.sites),
                                            .instructions = bdh::instruction_set::best,
                                            .retention = {}}),
                       options);
  oracle::graph_form reference(c, rules);
  std::vector<std::vector<float>> x, y;
  brain.observe([&](bdh::layer_id, bdh::moment at) {
    if (at == bdh::moment::x_ready) x.push_back(brain.read(bdh::variable::x));
    if (at == bdh::moment::y_ready) y.push_back(brain.read(bdh::variable::y));
  });
  outcome all;
  double largest = 0, fired = 0, of_token = 0;
  try {
    for (const int t : tests::random_tokens(g.tokens, g.vocabulary, g.seed)) {
      x.clear();
      y.clear();
      const oracle::token_trace expected = reference.step(t);
      of_token = largest_of(expected);
      brain.step(static_cast<bdh::token_id>(t));
      for (std::size_t l = 0; l < x.size(); ++l) {
        all.difference = std::max(
            {all.difference, relative(x[l], expected.x[l]), relative(y[l], expected.y[l])});
        largest = std::max({largest, expected.x[l].maxCoeff(), expected.y[l].maxCoeff()});
        fired = std::max(fired, expected.y[l].maxCoeff());
      }
      if (brain.logits().size() != 0)
        all.difference = std::max(all.difference, relative(brain.logits(), expected.logits));
    }
  } catch (const bdh::input_error& e) {
    // Only what grows beyond bounds may be refused.
    if (of_token < bound) {
      MESSAGE("refused where the oracle's largest value is " << of_token << ": " << e.what());
      return {.lively = true, .difference = unbounded};
    }
    largest = unbounded;
  }
  all.lively = fired > 1e-6 && largest < bound;
  return all;
}

// The smallest graph that still fails: each number is made smaller as long as that holds.
template <class Fails>
graph shrunk(graph g, Fails fails) {
  for (bool smaller = true; smaller;) {
    smaller = false;
    std::vector<graph> tries;
    const auto attempt = [&](auto change) {
      graph t = g;
      change(t);
      tries.push_back(t);
    };
    for (int graph::*field : {&graph::neurons, &graph::tokens, &graph::layers, &graph::vocabulary,
                              &graph::degree, &graph::hubs, &graph::sites}) {
      const int step = field == &graph::neurons ? 2 * g.heads : 1, least = step;
      for (int less : {(g.*field - least) / 2 / step * step, step})
        if (less > 0 && g.*field - less >= least) attempt([&](graph& t) { t.*field -= less; });
    }
    for (bool graph::*flag : {&graph::rotates, &graph::own_retention, &graph::permuted})
      if (g.*flag) attempt([&](graph& t) { t.*flag = false; });
    if (g.heads != 1) attempt([&](graph& t) { t.heads = 1; });
    if (g.retention != 1) attempt([&](graph& t) { t.retention = 1; });
    for (const graph& t : tries)
      if (fails(t)) {
        g = t;
        smaller = true;
        break;
      }
  }
  return g;
}

}  // namespace

TEST_CASE("Eq. 6, 7 and 8 equal their oracles on 200 random graphs that stay active and bounded") {
  int lively = 0, with_heads = 0, by_equation[3] = {}, combinations[2][2][2] = {};
  std::uint64_t seed = 0;
  for (; lively < 200 && seed < 2000; ++seed) {
    const graph g = drawn(seed);
    const outcome o = judge(g);
    if (!o.lively) continue;
    ++lively;
    ++by_equation[g.equation - 6];
    with_heads += g.heads > 1;
    ++combinations[g.rotates][g.sites > 1][g.permuted];
    if (o.difference < tolerance) continue;
    const graph least = shrunk(g, [](const graph& t) {
      const outcome again = judge(t);
      return again.lively && !(again.difference < tolerance);
    });
    FAIL_CHECK("differs by " << judge(least).difference << ": " << shown(least) << "shrunk from "
                             << shown(g));
  }
  MESSAGE(lively << " of " << seed << " graphs were active and bounded");
  CHECK(lively == 200);
  CHECK(with_heads > 20);
  for (int count : by_equation) CHECK(count > 30);
  for (auto& sites : combinations)
    for (auto& order : sites)
      for (int count : order) CHECK(count > 5);
}

TEST_CASE("a failing graph is shrunk to the smallest that fails") {
  graph g = drawn(10);
  g.neurons = 60;
  g.tokens = 12;
  g.sites = 4;
  const graph least = shrunk(g, [](const graph& t) { return t.neurons >= 10 && t.tokens >= 3; });
  CHECK(least.neurons == 10);
  CHECK(least.tokens == 3);
  CHECK(least.sites == 1);
  CHECK(least.layers == 1);
  CHECK_FALSE(least.rotates);
}
