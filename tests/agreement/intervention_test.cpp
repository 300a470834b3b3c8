// Interventions against the dense double-precision oracle, and what must not change a bit.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <string>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>
#include <bdh/simulator.hpp>

#include "core/model/direct_form.hpp"
#include "support/models.hpp"

namespace {

constexpr double tolerance = 3e-5;  // as in oracle_agreement_test.cpp
constexpr double nothing_held = std::numeric_limits<double>::quiet_NaN();

double difference(std::span<const float> actual, const Eigen::VectorXd& expected) {
  REQUIRE(static_cast<Eigen::Index>(actual.size()) == expected.size());
  double worst = 0;
  for (Eigen::Index i = 0; i < expected.size(); ++i)
    worst = std::max(
        worst, std::abs(static_cast<double>(actual[static_cast<std::size_t>(i)]) - expected(i)));
  return worst / std::max(expected.cwiseAbs().maxCoeff(), 1e-30);
}

// The same intervention in the program's words and on the oracle.
struct experiment {
  std::string text;
  std::function<void(oracle::graph_form&)> begin, end;
};

using change = std::function<void(oracle::graph_form&)>;

Eigen::VectorXd vector_with(Eigen::Index n, double rest,
                            std::initializer_list<std::pair<int, double>> values) {
  Eigen::VectorXd v = Eigen::VectorXd::Constant(n, rest);
  for (auto [i, value] : values) v(i) = value;
  return v;
}

// Runs both over `tokens`; the intervention holds during tokens 4 to 8. Returns the largest
// difference that it made to the logits.
double compare(const bdh::model& m, const oracle::circuits& c, oracle::rules rules,
               const experiment& e, bdh::site_id sites) {
  CAPTURE(e.text);
  CAPTURE(sites);
  const auto tokens = tests::random_tokens(12, static_cast<int>(m.sensory_nodes()), 8);
  bdh::simulator brain(
      m, bdh::cpu_engine(
             m, {.sites = sites, .instructions = bdh::instruction_set::best, .retention = {}}));
  bdh::simulator untouched(m, bdh::cpu_engine(m, {}));
  oracle::graph_form reference(c, rules);
  brain.interventions().add(bdh::parse_intervention(m, e.text + " tokens 4-8"));
  std::vector<std::vector<float>> x, y;
  brain.observe([&](bdh::layer_id, bdh::moment at) {
    if (at == bdh::moment::x_ready) x.push_back(brain.read(bdh::variable::x));
    if (at == bdh::moment::y_ready) y.push_back(brain.read(bdh::variable::y));
  });
  // Probes see what the synapses of a pair see, whatever is done to the model; edges of gs where
  // there are some.
  for (bdh::neuron_id i = 0; i < m.neurons(); i += 5)
    for (bdh::neuron_id j = 0; j < m.neurons(); ++j)
      if (m.is_direct() ? m.direct().gs.find(i, j).has_value() : j % 11 == 0)
        brain.probes().add({{i, j}, 2});
  double made = 0;
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    CAPTURE(t);
    if (t == 4) e.begin(reference);
    if (t == 9) e.end(reference);
    x.clear();
    y.clear();
    brain.step(static_cast<bdh::token_id>(tokens[t]));
    untouched.step(static_cast<bdh::token_id>(tokens[t]));
    const oracle::token_trace expected = reference.step(tokens[t]);
    for (std::size_t l = 0; l < x.size(); ++l) {
      CAPTURE(l);
      CHECK(difference(x[l], expected.x[l]) < tolerance);
      CHECK(difference(y[l], expected.y[l]) < tolerance);
    }
    CHECK(difference(brain.logits(), expected.logits) < tolerance);
    for (std::size_t k = 0; k < brain.logits().size(); ++k)
      made = std::max(made, std::abs(static_cast<double>(brain.logits()[k]) -
                                     static_cast<double>(untouched.logits()[k])));
  }
  const Eigen::MatrixXd& sigma = reference.sigma[1];
  double worst = 0;
  for (std::size_t p = 0; p < brain.probes().size(); ++p)
    if (const bdh::probe_spec& what = brain.probes().what(p); what.layer == 2)
      worst = std::max(worst,
                       std::abs(brain.probes().strength(p) - sigma(what.pair.post, what.pair.pre)));
  CHECK(worst / sigma.cwiseAbs().maxCoeff() < tolerance);
  return made;
}

// Interventions that are defined on every circuit. `i` and `j` are neurons whose synapse and gx
// edge exist.
std::vector<experiment> everywhere(int n, int i, int j, int edge_from, int edge_to) {
  const auto clear = [](oracle::graph_form& g) { g.acting = {}; };
  const auto acts = [](std::function<void(oracle::interventions&)> f) {
    return [f](oracle::graph_form& g) { f(g.acting); };
  };
  const std::string a = std::to_string(i), b = std::to_string(j);
  std::vector<experiment> all;
  all.push_back({"silence x:" + a + "," + b, acts([=](auto& s) {
                   s.hold_x = vector_with(n, nothing_held, {{i, 0}, {j, 0}});
                 }),
                 clear});
  all.push_back(
      {"silence y:all", acts([=](auto& s) { s.hold_y = Eigen::VectorXd::Zero(n); }), clear});
  all.push_back({"clamp x:" + a + " 0.75", acts([=](auto& s) {
                   s.hold_x = vector_with(n, nothing_held, {{i, 0.75}});
                 }),
                 clear});
  all.push_back({"clamp y:" + a + "," + b + " 0.5", acts([=](auto& s) {
                   s.hold_y = vector_with(n, nothing_held, {{i, 0.5}, {j, 0.5}});
                 }),
                 clear});
  all.push_back({"stimulate x:" + a + " 0.5", acts([=](auto& s) {
                   s.add_x = vector_with(n, 0, {{i, 0.5}});
                 }),
                 clear});
  all.push_back({"stimulate y:all 0.25",
                 acts([=](auto& s) { s.add_y = Eigen::VectorXd::Constant(n, 0.25); }), clear});
  all.push_back({"freeze", acts([](auto& s) { s.frozen = true; }), clear});
  all.push_back({"lesion synapses:" + a + "->" + b,
                 [=](oracle::graph_form& g) {
                   g.acting.transmits = Eigen::MatrixXd::Ones(g.sigma[0].rows(), n);
                   g.acting.transmits(j, i) = 0;
                 },
                 clear});
  all.push_back(
      {"lesion " + a + "," + b,
       [=](oracle::graph_form& g) {
         g.acting.hold_x = g.acting.hold_y = vector_with(n, nothing_held, {{i, 0}, {j, 0}});
         g.acting.transmits = Eigen::MatrixXd::Ones(g.sigma[0].rows(), n);
         g.acting.transmits.row(i).setZero();
         g.acting.transmits.row(j).setZero();
         if (g.circuit().token.rows() == n)
           g.circuit().token.row(i).setZero(), g.circuit().token.row(j).setZero();
       },
       clear});
  all.push_back({"reset",
                 [](oracle::graph_form& g) {
                   for (auto& s : g.sigma) s.setZero();
                 },
                 [](oracle::graph_form&) {}});
  all.push_back({"set synapses:" + a + "->" + b + " 0.625 layers 2",
                 [=](oracle::graph_form& g) { g.sigma[1](j, i) = 0.625; },
                 [](oracle::graph_form&) {}});
  all.push_back({"reset synapses:" + a + "->" + b,
                 [=](oracle::graph_form& g) {
                   for (auto& s : g.sigma) s(j, i) = 0;
                 },
                 [](oracle::graph_form&) {}});
  all.push_back({"lesion gx:" + std::to_string(edge_from) + "->" + std::to_string(edge_to),
                 [=](oracle::graph_form& g) { g.circuit().Gx(edge_to, edge_from) = 0; },
                 [](oracle::graph_form&) {}});
  return all;
}

}  // namespace

TEST_CASE("interventions through hubs are those of the oracle") {
  tests::shape s{.neurons_per_head = 70,
                 .heads = 2,
                 .hubs = 12,
                 .vocabulary = 20,
                 .layers = 3,
                 .rotates = true};
  for (const std::string variant : {"gpu-release", "normfree"}) {
    s.heads = variant == "normfree" ? 1 : 2;
    oracle::weights w = tests::random_weights(s, 9);
    w.retention = 0.95;
    const auto rules = oracle::rules_of(variant == "normfree" ? oracle::variant::normfree
                                                              : oracle::variant::gpu_release);
    const bdh::model m = tests::as_graph(w, variant);
    oracle::circuits c = oracle::circuits_of(w, rules);
    // The most active source that is a neuron, and the most active target of it.
    oracle::graph_form trial(c, rules);
    Eigen::Index from = 0, to = 0;
    for (int t : tests::random_tokens(5, 20, 8)) {
      const auto trace = trial.step(t);
      trace.W[1].head(w.n).maxCoeff(&from);
      trace.x[1].maxCoeff(&to);
    }
    for (experiment e : everywhere(w.n, 5, 40, static_cast<int>(from), static_cast<int>(to))) {
      if (e.text.starts_with("lesion gx"))
        e.end = [gx = c.Gx](oracle::graph_form& g) { g.circuit().Gx = gx; };
      for (const bdh::site_id sites : {1u, 3u}) {
        const double made = compare(m, c, rules, e, sites);
        CAPTURE(variant);
        CAPTURE(e.text);
        if (!e.text.starts_with("reset synapses")) CHECK(made > 1e-6);
      }
    }
  }
}

TEST_CASE("interventions on explicit edges are those of the oracle") {
  for (const bool rotates : {false, true}) {
    tests::graph_shape s{.neurons = 150,
                         .vocabulary = 7,
                         .layers = 2,
                         .degree = 12,
                         .rotates = rotates,
                         .own_retention = true,
                         .retention = 1};
    const oracle::circuits c = tests::random_circuits(s, 77);
    const auto rules = oracle::rules_of(oracle::variant::bdh);
    const bdh::model m = tests::as_direct_graph(c, "bdh", nullptr, true);
    // A synapse and edges between neurons that fire.
    oracle::graph_form probe(c, rules);
    Eigen::VectorXd used = Eigen::VectorXd::Zero(150), driven = used;
    for (const int t : tests::random_tokens(12, 7, 8)) {
      const auto trace = probe.step(t);
      used += trace.x[1];
      driven += trace.W[1];
    }
    const auto find = [&](const Eigen::MatrixXd& edges, const Eigen::VectorXd& active, auto fits) {
      for (int i = 0; i < 150; ++i)
        for (int j = 0; j < 150; ++j)
          if (i != j && active(i) > 0.01 && fits(edges(j, i)) && used(j) > 0.01)
            return std::pair(i, j);
      FAIL("no such edge");
      return std::pair(0, 0);
    };
    const auto [i, j] = find(c.rate, used, [](double r) { return r > 0.1; });
    const auto [from, to] = find(c.Gx, driven, [](double g) { return g > 0.01; });
    std::vector<experiment> all = everywhere(150, i, j, from, to);
    all.back().end = [gx = c.Gx](oracle::graph_form& g) { g.circuit().Gx = gx; };
    for (experiment& e : all)
      if (e.text.starts_with("lesion " + std::to_string(i) + ","))
        e.end = [&](oracle::graph_form& g) {
          g.acting = {};
          g.circuit().token = c.token;
        };
    const auto scaled = [](const Eigen::MatrixXd& g) {
      return Eigen::MatrixXd(g.cwiseMax(0.0) + 0.25 * g.cwiseMin(0.0));
    };
    all.push_back({"inhibition 0.25",
                   [&](oracle::graph_form& g) {
                     g.circuit().Gx = scaled(c.Gx);
                     g.circuit().Gy = scaled(c.Gy);
                   },
                   [&](oracle::graph_form& g) {
                     g.circuit().Gx = c.Gx;
                     g.circuit().Gy = c.Gy;
                   }});
    std::string every_gy;
    for (int from_y = 0; from_y < 150; ++from_y)
      if (c.Gy(j, from_y) != 0)
        every_gy +=
            (every_gy.empty() ? "" : ",") + std::to_string(from_y) + "->" + std::to_string(j);
    all.push_back({"lesion gy:" + every_gy,
                   [&, j = j](oracle::graph_form& g) { g.circuit().Gy.row(j).setZero(); },
                   [&](oracle::graph_form& g) { g.circuit().Gy = c.Gy; }});
    for (const experiment& e : all)
      for (const bdh::site_id sites : {1u, 2u}) compare(m, c, rules, e, sites);
    const bdh::model reordered =
        tests::in_random_order(tests::as_direct_graph(c, "bdh", nullptr, true), 3);
    for (const experiment& e : all) compare(reordered, c, rules, e, 2);
  }
}

TEST_CASE("an intervention that changes nothing leaves every bit the same") {
  oracle::weights w = tests::random_weights(
      {.neurons_per_head = 70, .heads = 2, .hubs = 12, .vocabulary = 20, .layers = 3}, 9);
  w.Dx.row(3).setConstant(0);  // a neuron that never fires
  const bdh::model m = tests::as_graph(w, "gpu-release");
  const auto tokens = tests::random_tokens(12, 20, 8);
  const auto run = [&](const std::vector<std::string>& texts) {
    bdh::simulator brain(m, bdh::cpu_engine(m));
    for (const std::string& text : texts)
      brain.interventions().add(bdh::parse_intervention(m, text));
    std::vector<float> all;
    for (int t : tokens) {
      brain.step(static_cast<bdh::token_id>(t));
      all.insert(all.end(), brain.logits().begin(), brain.logits().end());
    }
    for (bdh::layer_id l = 1; l <= 3; ++l)
      for (bdh::neuron_id i = 0; i < m.neurons(); ++i) {
        const auto row = brain.synapses(l, i);
        all.insert(all.end(), row.begin(), row.end());
      }
    return all;
  };
  const auto plain = run({});
  for (const std::string text :
       {"silence x:3", "clamp y:3 0", "stimulate x:5 0", "stimulate y:all 0", "lesion 3",
        "lesion synapses:3->5", "set synapses:1->2 0.5 at 100", "freeze from 12", "lesion gx:3->4",
        "silence x:all tokens 12-20"}) {
    CAPTURE(text);
    const auto other = run({text});
    REQUIRE(other.size() == plain.size());
    CHECK(std::memcmp(plain.data(), other.data(), plain.size() * sizeof(float)) == 0);
  }
  const auto frozen = run({"freeze from 6"});
  CHECK(std::memcmp(plain.data(), frozen.data(), plain.size() * sizeof(float)) != 0);
}

TEST_CASE(
    "through hubs a strength cannot be set to a neuron that was never there, with explicit edges "
    "it transmits nothing") {
  const oracle::weights w = tests::random_weights(
      {.neurons_per_head = 32, .heads = 2, .hubs = 12, .vocabulary = 20, .layers = 2}, 31);
  const bdh::model hubs = tests::as_graph(w, "gpu-release");
  const char *const set = "set synapses:3->7 200 at 4", *const lesion = "lesion 5,7";
  const char* const refused =
      "intervention: the strength of 3->7, to a neuron that a lesion removes, expected a neuron "
      "that is there";
  for (const bool set_first : {false, true}) {
    bdh::simulator brain(hubs, bdh::cpu_engine(hubs));
    brain.interventions().add(bdh::parse_intervention(hubs, set_first ? set : lesion));
    CHECK_THROWS_WITH_AS(
        brain.interventions().add(bdh::parse_intervention(hubs, set_first ? lesion : set)), refused,
        bdh::unavailable_error);
    CHECK(brain.interventions().size() == 1);
  }
  bdh::simulator later(hubs, bdh::cpu_engine(hubs));
  later.interventions().add(bdh::parse_intervention(hubs, set));
  CHECK_THROWS_WITH_AS(
      later.interventions().add(bdh::parse_intervention(hubs, "lesion 5,7 tokens 0-4")), refused,
      bdh::unavailable_error);
  CHECK_NOTHROW(later.interventions().add(
      bdh::parse_intervention(hubs, "lesion 5,7 tokens 0-3")));  // it is there again
  const bdh::direct_form form = bdh::as_direct(hubs);
  bdh::simulator lesioned(form.graph, bdh::cpu_engine(form.graph)),
      both(form.graph, bdh::cpu_engine(form.graph));
  for (bdh::simulator* brain : {&lesioned, &both})
    brain->interventions().add(bdh::parse_intervention(form.graph, lesion));
  both.interventions().add(bdh::parse_intervention(form.graph, set));
  for (int t : tests::random_tokens(8, 20, 6)) {
    for (bdh::simulator* brain : {&lesioned, &both}) brain->step(static_cast<bdh::token_id>(t));
    CHECK(std::equal(both.logits().begin(), both.logits().end(), lesioned.logits().begin()));
  }
}

TEST_CASE("what is cut twice is cut once") {
  const bdh::model m = tests::as_graph(
      tests::random_weights(
          {.neurons_per_head = 70, .heads = 2, .hubs = 12, .vocabulary = 20, .layers = 3}, 9),
      "gpu-release");
  const auto run = [&](const std::vector<std::string>& texts) {
    bdh::simulator brain(m, bdh::cpu_engine(m));
    for (const std::string& text : texts)
      brain.interventions().add(bdh::parse_intervention(m, text));
    std::vector<float> all;
    for (int t : tests::random_tokens(12, 20, 8)) {
      brain.step(static_cast<bdh::token_id>(t));
      all.insert(all.end(), brain.logits().begin(), brain.logits().end());
    }
    return all;
  };
  CHECK(run({"lesion synapses:5->40", "lesion synapses:5->40,7->3"}) ==
        run({"lesion synapses:5->40,7->3"}));
  CHECK(run({"lesion gx:5->40", "lesion gx:5->40"}) == run({"lesion gx:5->40"}));
  CHECK(run({"lesion 40 from 3", "lesion 40,41 from 3"}) == run({"lesion 40,41 from 3"}));
  CHECK(run({"lesion 40 from 3"}) != run({"lesion 40,41 from 3"}));
}

TEST_CASE("released interventions, and the bits of runs on several sites") {
  oracle::weights w = tests::random_weights(
      {.neurons_per_head = 70, .heads = 2, .hubs = 12, .vocabulary = 20, .layers = 3}, 9);
  const bdh::model m = tests::as_graph(w, "gpu-release");
  const auto tokens = tests::random_tokens(12, 20, 8);
  const auto run = [&](bdh::site_id sites, std::size_t threads) {
    bdh::simulator brain(
        m,
        bdh::cpu_engine(
            m, {.sites = sites, .instructions = bdh::instruction_set::best, .retention = {}}),
        {.threads = threads});
    brain.interventions().add(bdh::parse_intervention(m, "clamp y:5,77 0.5 layers 1-2"));
    brain.interventions().add(bdh::parse_intervention(m, "lesion synapses:5->40,77->5"));
    brain.interventions().add(bdh::parse_intervention(m, "lesion gx:7->9"));
    const int freeze = brain.interventions().add(bdh::parse_intervention(m, "freeze"));
    std::vector<float> all;
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      if (t == 2) brain.interventions().remove(freeze);
      brain.step(static_cast<bdh::token_id>(tokens[t]));
      all.insert(all.end(), brain.logits().begin(), brain.logits().end());
    }
    CHECK(brain.interventions().size() == 3);
    return all;
  };
  const auto one = run(1, 1), three = run(3, 2);
  CHECK(std::memcmp(one.data(), three.data(), one.size() * sizeof(float)) == 0);
}

TEST_CASE("what cannot be done is refused with the reason") {
  const bdh::model m =
      tests::as_graph(tests::random_weights({.neurons_per_head = 32}, 1), "gpu-release");
  bdh::simulator brain(m, bdh::cpu_engine(m));
  brain.step(1);
  const auto message = [&](const std::string& text) -> std::string {
    try {
      brain.interventions().add(bdh::parse_intervention(m, text));
    } catch (const bdh::error& e) {
      return e.what();
    }
    return "accepted";
  };
  CHECK(message("lesion synapses:1->2") ==
        "intervention: synapse 1->2, whose earlier writes were not recorded, expected a "
        "synapse that is probed from the first token");
  CHECK(message("inhibition 0.5") ==
        "intervention: inhibition in circuits through hubs, whose edges are both, expected "
        "explicit edges; bdh import --circuit direct");
  CHECK(message("lesion gy:1->2") ==
        "intervention: an edge of gy through hubs: what it carries, A of one source, is not known "
        "there, "
        "expected explicit edges; bdh import --circuit direct");
  CHECK(message("reset at 0") ==
        "intervention: at token 0, expected token 1 or later: it acts once");
  CHECK(message("silence x:32") == "neuron: '32', expected 0 to 31");
  CHECK(message("silence z:3") == "neuron: 'z:3', expected 0 to 31");
  CHECK(message("silence 3") ==
        "intervention: 'silence 3', expected silence x:NEURONS or y:NEURONS");
  CHECK(message("clamp x:3 -1") ==
        "intervention: -1, expected a value >= 0, finite in float32, or several: 0.1,0.2");
  CHECK(message("clamp x:3") ==
        "intervention: 'clamp x:3', expected a value >= 0, finite in float32, or several: 0.1,0.2");
  CHECK(message("freeze layers 3") == "layer: '3', expected 1 to 2");
  CHECK(message("freeze tokens 9-3") ==
        "intervention: tokens '9-3', expected tokens FIRST-LAST, positions from 0, FIRST <= LAST");
  CHECK(message("frieze") ==
        "intervention: 'frieze', expected lesion, silence, clamp, stimulate, noise, freeze, "
        "inhibition, "
        "reset or set");
  CHECK(message("lesion 3 layers 1") ==
        "intervention: a lesion of neurons in some layers, expected all layers; silence x: and y: "
        "hold them at 0 in some");
  CHECK(message("silence x:top:3") ==
        "intervention: 'top:3', expected neurons that are named or drawn, not top:K");
  CHECK(message("lesion gx:token:3->5 tokens 4-9") == "accepted");
  CHECK(message("reset at 1") == "accepted");
  CHECK(message("lesion 5 from 0")
            .starts_with("intervention: synapse 0->5, whose earlier writes were not recorded"));
  for (const char* text : {"lesion 1,5-7 tokens 3-9", "clamp y:3 0.25 layers 1-2 from 7",
                           "set synapses:3->token:5 -0.5 at 8", "freeze", "lesion gx:token:3->5",
                           "reset layers 2 at 4", "inhibition 0.5"}) {
    const bdh::intervention p = bdh::parse_intervention(m, text);
    const bdh::intervention again = bdh::parse_intervention(m, bdh::describe(m, p), 77);
    CHECK(bdh::describe(m, again) == bdh::describe(m, p));
    CHECK(again.neurons == p.neurons);
    CHECK(again.pairs == p.pairs);
    CHECK(again.first == p.first);
    CHECK(again.last == p.last);
  }
}
