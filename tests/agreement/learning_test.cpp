// Weights that change while a model reads: against the oracle, by hand, and the same bits on every
// way.
#include "oracle/learning.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>
#include <bdh/model_file.hpp>
#include <bdh/simulator.hpp>

#include "core/simulation/engine.hpp"
#include "support/instruction_sets.hpp"
#include "support/models.hpp"

namespace {

using Eigen::MatrixXd;

const tests::shape shape{.neurons_per_head = 70,
                         .heads = 3,
                         .hubs = 45,
                         .vocabulary = 150,
                         .layers = 3,
                         .rotates = true};

bdh::learning by(bdh::learning_rule rule, double rate, double back = 0, bool plain = false) {
  bdh::learning how;
  how.rule = rule;
  how.rate = rate;
  how.back = back;
  how.plain = plain;
  return how;
}

// Rows as they are stored.
MatrixXd rows_of(const bdh::projection& p) {
  MatrixXd all(p.rows(), p.columns());
  for (bdh::neuron_id r = 0; r < p.rows(); ++r)
    for (bdh::neuron_id c = 0; c < p.columns(); ++c)
      all(r, c) = p.weights()[std::size_t{r} * p.columns() + c];
  return all;
}

struct matrices {
  MatrixXd e, dx, dy, embedding, readout;
};
matrices matrices_of(const bdh::model& m) {
  const bdh::hub_circuits& c = m.circuits();
  return {rows_of(c.e), rows_of(c.dx), rows_of(c.dy), rows_of(c.sensory), rows_of(c.readout)};
}

// The largest difference of an entry, of the largest one that is expected.
double worst(const MatrixXd& found, const MatrixXd& expected) {
  const double most = expected.cwiseAbs().maxCoeff();
  const double difference = (found - expected).cwiseAbs().maxCoeff();
  if (most == 0) return difference == 0 ? 0 : 1e9;
  return difference / most;
}

// The change of all weights by one plain step of this rate, a power of two, over that rate: the
// gradient.
void check_gradients(const oracle::weights& w, bdh::learning_rule rule, oracle::teaching as,
                     bool frozen) {
  constexpr double rate = 4096;
  const bdh::model m = tests::as_graph(w, "gpu-release");
  const auto tokens = tests::random_tokens(25, w.vocabulary, 3);
  bdh::simulator brain(m, bdh::cpu_engine(m, {.sites = 2}));
  brain.learn_by(by(rule, rate, 0, true));
  if (frozen) brain.interventions().add(bdh::parse_intervention(m, "freeze from 23"));
  oracle::learner truth(w);
  const std::size_t last = tokens.size() - 1;
  for (std::size_t t = 0; t < last; ++t) {
    truth.frozen = frozen && t >= 23;
    brain.step(static_cast<bdh::token_id>(tokens[t]));
    truth.step(tokens[t]);
  }
  const matrices before = matrices_of(m);
  const auto learned = brain.learn(static_cast<bdh::token_id>(tokens[last]));
  REQUIRE(learned);
  const matrices after = matrices_of(brain.learned_model());
  const oracle::gradients g = truth.of(tokens[last], as);
  const double found[] = {worst((before.e - after.e) / rate, g.E.transpose()),
                          worst((before.dx - after.dx) / rate, g.Dx),
                          worst((before.dy - after.dy) / rate, g.Dy),
                          worst((before.embedding - after.embedding) / rate, g.embedding),
                          worst((before.readout - after.readout) / rate, g.readout.transpose())};
  for (const double f : found) CHECK(f < 2e-5);
  const double change = std::sqrt(g.E.squaredNorm() + g.Dx.squaredNorm() + g.Dy.squaredNorm() +
                                  g.embedding.squaredNorm() + g.readout.squaredNorm());
  CHECK(std::abs(learned->weight_change / (rate * change) - 1) < 1e-4);
  MESSAGE(std::string(bdh::name(rule)), std::string(frozen ? ", frozen" : ""), ": E ", found[0],
          ", Dx ", found[1], ", Dy ", found[2], ", embedding ", found[3], ", readout ", found[4]);
}

struct outcome {
  std::vector<float> logits;
  std::string weights;  // content hash
  std::vector<bdh::learned_counts> learned;
};

void read(bdh::simulator& brain, std::span<const int> tokens, outcome& o) {
  for (const int t : tokens) {
    brain.learn(static_cast<bdh::token_id>(t));
    const bdh::step_report report = brain.step(static_cast<bdh::token_id>(t));
    if (report.learned) o.learned.push_back(*report.learned);
    o.logits.insert(o.logits.end(), brain.logits().begin(), brain.logits().end());
  }
  o.weights = bdh::content_hash(brain.learned_model());
}

bool same(const outcome& a, const outcome& b) {
  const auto bits = [](const std::vector<float>& x, const std::vector<float>& y) {
    return x.size() == y.size() && std::equal(x.begin(), x.end(), y.begin(), [](float p, float q) {
             return std::bit_cast<std::uint32_t>(p) == std::bit_cast<std::uint32_t>(q);
           });
  };
  if (a.learned.size() != b.learned.size()) return false;
  for (std::size_t k = 0; k < a.learned.size(); ++k)
    if (a.learned[k].error != b.learned[k].error ||
        a.learned[k].rows_changed != b.learned[k].rows_changed ||
        a.learned[k].weight_change != b.learned[k].weight_change)
      return false;
  return bits(a.logits, b.logits) && a.weights == b.weights;
}

outcome run(const bdh::model& m, std::span<const int> tokens, const bdh::learning& how,
            const bdh::cpu_options& cpu = {}, std::size_t threads = 1) {
  bdh::simulator brain(m, bdh::cpu_engine(m, cpu), {.threads = threads});
  brain.learn_by(how);
  outcome o;
  read(brain, tokens, o);
  return o;
}

template <class F>
std::string refusal(F f) {
  try {
    f();
  } catch (const bdh::error& e) {
    return e.what();
  }
  return "nothing";
}

const bdh::learning_rule rules[] = {bdh::learning_rule::exact, bdh::learning_rule::rows,
                                    bdh::learning_rule::readout};

}  // namespace

TEST_CASE("gradients are those of the oracle, whose differences are the loss's") {
  oracle::weights w = tests::random_weights(shape, 1);
  w.retention = 0.98;
  check_gradients(w, bdh::learning_rule::exact, oracle::teaching::exact, false);
  check_gradients(w, bdh::learning_rule::exact, oracle::teaching::exact, true);
  check_gradients(w, bdh::learning_rule::rows, oracle::teaching::rows, false);
  check_gradients(w, bdh::learning_rule::readout, oracle::teaching::readout, false);
  w.frequency.clear();
  check_gradients(w, bdh::learning_rule::exact, oracle::teaching::exact, false);
  check_gradients(w, bdh::learning_rule::exact, oracle::teaching::exact, true);
}

TEST_CASE("three neurons, two hubs, one layer by hand") {  // docs/learning.md
  const bdh::model m = tests::as_graph(oracle::three_neurons_and_two_hubs(), "gpu-release");
  bdh::simulator brain(m, bdh::cpu_engine(m));
  brain.learn_by(by(bdh::learning_rule::exact, 1, 0, true));
  brain.step(0);
  brain.step(0);
  CHECK(std::abs(brain.loss(1) - std::log(3.0)) < 1e-6);
  const auto learned = brain.learn(1);
  REQUIRE(learned);
  const matrices before = matrices_of(m), after = matrices_of(brain.learned_model());
  const double du = 10 * std::log(2.0) / 117, side = 2 / std::sqrt(13.0);
  const auto is = [&](const MatrixXd matrices::*of, int row, double value) {
    const Eigen::RowVectorXd change = (before.*of).row(row) - (after.*of).row(row);
    return std::abs(change[0] - value) < 1e-6 && std::abs(change[1] + value) < 1e-6;
  };
  CHECK(is(&matrices::e, 0, 0.384 * du));
  CHECK(is(&matrices::dy, 0, 0.4608 * du));
  CHECK(is(&matrices::dx, 0, 0.9449472 * du));
  CHECK(is(&matrices::dx, 1, 0.2359296 * du));
  CHECK(is(&matrices::embedding, 0, 1.311744 * du));
  CHECK(is(&matrices::readout, 0, side));
  CHECK(is(&matrices::readout, 1, -side));
  CHECK(learned->rows_changed == 2 + 1 + 1 + 1 + 2);  // Gx, Gy, E, embedding, readout
  CHECK(std::abs(learned->error - std::sqrt(2.0) * std::log(2.0) * std::sqrt(13.0) / 9) < 1e-6);
}

TEST_CASE("a stream of changes is the oracle's") {
  oracle::weights w = tests::random_weights(shape, 5);
  w.retention = 0.98;
  const bdh::model m = tests::as_graph(w, "gpu-release");
  const auto tokens = tests::random_tokens(40, w.vocabulary, 5);
  const std::pair<bdh::learning_rule, oracle::teaching> both[] = {
      {bdh::learning_rule::exact, oracle::teaching::exact},
      {bdh::learning_rule::rows, oracle::teaching::rows},
      {bdh::learning_rule::readout, oracle::teaching::readout}};
  for (const auto& of : both) {
    const bdh::learning_rule rule = of.first;
    bdh::simulator brain(m, bdh::cpu_engine(m));
    brain.learn_by(by(rule, 1e-3, 0.01));
    oracle::learner truth(w);
    double loss = 0, expected = 0;
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      if (t != 0) truth.learn(tokens[t], of.second, 1e-3, 0.01, false);
      if (t != 0) expected += truth.loss(tokens[t]);
      brain.learn(static_cast<bdh::token_id>(tokens[t]));
      loss += brain.step(static_cast<bdh::token_id>(tokens[t])).surprisal.value_or(0);
      truth.step(tokens[t]);
    }
    CHECK(std::abs(loss - expected) < 1e-4 * expected);
    const matrices first = matrices_of(m), now = matrices_of(brain.learned_model());
    const double found[] = {
        worst(now.e - first.e, truth.now().E.transpose() - first.e),
        worst(now.dx - first.dx, truth.now().Dx - first.dx),
        worst(now.readout - first.readout, truth.now().readout.transpose() - first.readout)};
    for (const double f : found) CHECK(f < 0.01);
    MESSAGE(std::string(bdh::name(rule)), ": E ", found[0], ", Dx ", found[1], ", readout ",
            found[2]);
  }
}

TEST_CASE("rate 0 leaves the bits of a plain run and the model's weights") {
  oracle::weights w = tests::random_weights(shape, 2);
  w.retention = 0.98;
  w.E(0, 0) = -0.0;
  const bdh::model m = tests::as_graph(w, "gpu-release");
  const auto tokens = tests::random_tokens(12, w.vocabulary, 2);
  bdh::simulator plain(m, bdh::cpu_engine(m));
  std::vector<float> logits;
  for (const int t : tokens) {
    plain.step(static_cast<bdh::token_id>(t));
    logits.insert(logits.end(), plain.logits().begin(), plain.logits().end());
  }
  for (const bdh::learning_rule rule : rules) {
    const outcome o = run(m, tokens, by(rule, 0, 1e-3));
    CHECK(o.logits == logits);
    CHECK(o.weights == bdh::content_hash(m));
    CHECK(o.learned.size() == tokens.size() - 1);
  }
}

TEST_CASE("learning gives the same bits on any threads, sites and instruction sets") {
  oracle::weights w = tests::random_weights(shape, 4);
  w.retention = 0.97;
  const bdh::model m = tests::as_graph(w, "gpu-release");
  const auto tokens = tests::random_tokens(15, w.vocabulary, 4);
  for (const bdh::learning_rule rule : rules) {
    CAPTURE(std::string(bdh::name(rule)));
    const bdh::learning how = by(rule, 1e-3, 1e-3);
    const outcome one = run(m, tokens, how);
    CHECK(one.weights != bdh::content_hash(m));
    const std::pair<bdh::site_id, std::size_t> ways[] = {{4, 2}, {7, 7}, {64, 2}, {1, 2}};
    for (const auto& way : ways)
      CHECK(same(one, run(m, tokens, how, {.sites = way.first}, way.second)));
    for (const auto set : tests::instruction_sets())
      CHECK(same(one, run(m, tokens, how, {.sites = 2, .instructions = set})));
  }
}

TEST_CASE("watched or not, stopped at any token and gone on with: the same bits") {
  oracle::weights w = tests::random_weights(shape, 6);
  w.retention = 0.97;
  const bdh::model m = tests::as_graph(w, "gpu-release");
  const auto tokens = tests::random_tokens(16, w.vocabulary, 6);
  for (const bdh::learning_rule rule : rules) {
    const bdh::learning how = by(rule, 1e-3, 1e-3);
    const outcome straight = run(m, tokens, how);
    bdh::simulator watched(m, bdh::cpu_engine(m, {.sites = 3}));
    watched.learn_by(how);
    watched.probes().add({{.pre = 1, .post = 2}, 1, bdh::probe_factor::w});
    watched.observe([](bdh::layer_id, bdh::moment) {});
    outcome o;
    read(watched, tokens, o);
    CHECK(same(straight, o));
    for (const std::size_t stop : {1u, 7u, 15u}) {
      bdh::simulator first(m, bdh::cpu_engine(m)), second(m, bdh::cpu_engine(m, {.sites = 5}));
      first.learn_by(how);
      second.learn_by(how);
      outcome parts;
      read(first, std::span(tokens).first(stop), parts);
      second.restore(first.save());
      CHECK(second.tokens_learned() == stop - 1);
      read(second, std::span(tokens).subspan(stop), parts);
      CHECK(same(straight, parts));
    }
  }
}

TEST_CASE("rows of silent neurons keep their bits; what is not to change does not") {
  const oracle::weights w = tests::random_weights(shape, 8);
  const bdh::model m = tests::as_graph(w, "gpu-release");
  const auto tokens = tests::random_tokens(4, w.vocabulary, 8);
  bdh::simulator brain(m, bdh::cpu_engine(m, {.sites = 2}));
  bdh::learning how = by(bdh::learning_rule::exact, 1e-2);
  how.circuits = {true, true, true, false, true};
  brain.learn_by(how);
  std::set<bdh::neuron_id> x, y;
  std::vector<bdh::neuron_id> ids;
  std::vector<float> values;
  bool teaches = true;
  brain.observe([&](bdh::layer_id, bdh::moment at) {
    if (!teaches || at != bdh::moment::y_ready) return;
    brain.active(bdh::variable::x, ids, values);
    x.insert(ids.begin(), ids.end());
    brain.active(bdh::variable::y, ids, values);
    y.insert(ids.begin(), ids.end());
  });
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    // The last token does not learn; of the first one, which reads no synapse, dX is 0.
    teaches = t != 0 && t + 1 < tokens.size();
    brain.learn(static_cast<bdh::token_id>(tokens[t]));
    brain.step(static_cast<bdh::token_id>(tokens[t]));
  }
  const matrices before = matrices_of(m), after = matrices_of(brain.learned_model());
  REQUIRE(x.size() < m.neurons());
  REQUIRE(!y.empty());
  std::size_t changed = 0;
  for (bdh::neuron_id i = 0; i < m.neurons(); ++i) {
    if (!x.contains(i)) CHECK(before.dx.row(i) == after.dx.row(i));
    changed += before.dx.row(i) != after.dx.row(i);
    CHECK((before.e.row(i) == after.e.row(i)) == !y.contains(i));
    CHECK((before.dy.row(i) == after.dy.row(i)) == !y.contains(i));
  }
  CHECK(changed > 0.9 * static_cast<double>(x.size()));  // errors of others are too small
  CHECK(before.readout == after.readout);
  const std::set<int> learned(tokens.begin(), tokens.end() - 1);
  for (int v = 0; v < w.vocabulary; ++v)
    CHECK((before.embedding.row(v) == after.embedding.row(v)) == !learned.contains(v));
}

TEST_CASE("a rate that is too large stops with token and row") {
  const oracle::weights w = tests::random_weights(shape, 9);
  const bdh::model m = tests::as_graph(w, "gpu-release");
  bdh::simulator brain(m, bdh::cpu_engine(m));
  brain.learn_by(by(bdh::learning_rule::exact, 1e30, 0, true));
  brain.step(1);
  const std::string found = refusal([&] { brain.learn(2); });
  CHECK(found.find("token 0, row ") == 0);
  CHECK(found.find("rate 1e+30 is too large") != std::string::npos);
  CHECK(refusal([&] { brain.step(2); }).find("token that was not read") != std::string::npos);
}

TEST_CASE("what cannot learn is refused, and what must not run beside learning") {
  const oracle::weights w = tests::random_weights(shape, 10);
  const bdh::model m = tests::as_graph(w, "gpu-release");
  const bdh::learning how = by(bdh::learning_rule::exact, 1e-4);
  const auto with = [&](const bdh::model& other, const bdh::simulator_options& options = {}) {
    return refusal([&] {
      bdh::simulator brain(other, bdh::cpu_engine(other), options);
      brain.learn_by(how);
    });
  };
  const auto has = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  CHECK(has(with(tests::as_graph(tests::random_weights({}, 1), "bdh")),
            "dynamics bdh, expected gpu-release"));
  CHECK(has(with(tests::as_graph(w, "gpu-release").in_bfloat16()), "weights in bfloat16"));
  CHECK(has(with(tests::as_sparse_graph(w, "gpu-release")), "list of edges"));
  const bdh::model edges =
      tests::as_direct_graph(tests::random_circuits({}, 1), "bdh", nullptr, false);
  CHECK(has(with(edges), "explicit edges"));
  bdh::round_table changed = bdh::round_table::published();
  std::swap(changed.rounds[1][0], changed.rounds[1][1]);
  CHECK(has(with(m, {.table = changed}), "changed round table"));

  bdh::simulator brain(m, bdh::cpu_engine(m));
  CHECK(has(refusal([&] { brain.learn(1); }), "learn_by() first"));
  bdh::learning wrong = how;
  wrong.rate = -1;
  CHECK(has(refusal([&] { brain.learn_by(wrong); }), "learning rate: -1"));
  brain.learn_by(how);
  CHECK(!brain.learn(1));  // nothing was read
  for (const char* what : {"stimulate x:1 0.5", "clamp x:1 0.5", "noise x:1 gaussian 0 0.1"})
    CHECK(has(refusal([&] { brain.interventions().add(bdh::parse_intervention(m, what)); }),
              "changes drives"));
  for (const char* what : {"freeze", "silence x:1", "lesion 5"})
    CHECK(refusal([&] { brain.interventions().add(bdh::parse_intervention(m, what)); }) ==
          "nothing");
  CHECK(brain.prefill().refused()->find("learn") != std::string::npos);
  const auto other = brain.new_stream();
  CHECK(other->learns_by() == nullptr);
  bdh::stream_step together[] = {{&brain, 1}, {other.get(), 1}};
  CHECK(has(refusal([&] { bdh::step_streams(together); }), "weights that learn"));
  CHECK(has(refusal([&] { brain.learn(150); }), "token: 150"));

  brain.interventions().remove(1);
  brain.interventions().remove(2);
  brain.interventions().remove(3);
  brain.step(1);
  brain.learn(2);
  brain.step(2);
  const bdh::run_state state = brain.save();
  bdh::simulator plain(m, bdh::cpu_engine(m)), rows(m, bdh::cpu_engine(m));
  CHECK(has(refusal([&] { plain.restore(state); }), "weights that have changed"));
  rows.learn_by(by(bdh::learning_rule::rows, 1e-4));
  CHECK(has(refusal([&] { rows.restore(state); }), "learning by rule exact"));
  brain.clear_synapses();
  CHECK(!brain.learn(1));
}
