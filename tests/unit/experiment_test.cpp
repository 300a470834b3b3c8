// An experiment and its past: what undo, replay and probes that come late give is what a simulator
// gives that read the same from the start.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>
#include <bdh/experiment.hpp>
#include <bdh/queries.hpp>

#include "core/model/random_model.hpp"

namespace {

bdh::model small_model() {
  bdh::random_model_recipe r;
  r.graph.neurons = 48;
  r.graph.degree = 12;
  r.vocabulary = 8;
  r.layers = 3;
  r.retention = 0.9;
  return bdh::random_circuits(r).make({.sensory_edges = 8, .gx = 0.2, .gy = 0.2});
}

std::unique_ptr<bdh::engine> make_engine(const bdh::model& m) { return bdh::cpu_engine(m); }

std::vector<float> all_strengths(const bdh::simulator& brain) {
  std::vector<float> all;
  for (bdh::layer_id l = 1; l <= brain.model().layers(); ++l)
    for (bdh::neuron_id i = 0; i < brain.model().neurons(); ++i)
      for (const float s : brain.synapses(l, i)) all.push_back(s);
  return all;
}

void check_equal(const bdh::simulator& a, const bdh::simulator& b) {
  CHECK(a.tokens() == b.tokens());
  CHECK(all_strengths(a) == all_strengths(b));
  CHECK(a.read(bdh::variable::x) == b.read(bdh::variable::x));
  CHECK(std::vector<float>(a.logits().begin(), a.logits().end()) ==
        std::vector<float>(b.logits().begin(), b.logits().end()));
}

// More tokens than lie between snapshots.
std::vector<bdh::token_id> tokens(std::size_t count) {
  std::vector<bdh::token_id> all;
  for (std::size_t t = 0; t < count; ++t) all.push_back(static_cast<bdh::token_id>(t * t % 7));
  return all;
}

}  // namespace

TEST_CASE("undo gives back the bits of a simulator that never read the token") {
  const bdh::model m = small_model();
  for (const std::size_t count : {1, 5, 70}) {
    bdh::experiment e(m, make_engine);
    bdh::simulator reference(m, bdh::cpu_engine(m));
    for (const bdh::token_id t : tokens(count)) {
      e.read(t);
      reference.step(t);
    }
    REQUIRE(!all_strengths(reference).empty());
    e.read(7);
    CHECK(e.undo() == bdh::experiment::undone::token);
    check_equal(e.current(), reference);
    CHECK(e.reports().size() == count);
    CHECK(e.tokens_read() == count);
  }
}

TEST_CASE("interventions are taken back, and so are releases") {
  const bdh::model m = small_model();
  bdh::experiment e(m, make_engine);
  bdh::simulator reference(m, bdh::cpu_engine(m));
  e.read(1);
  reference.step(1);
  const int number = e.intervene(bdh::parse_intervention(m, "silence x:0-20", 1));
  CHECK(number == 1);
  e.release(number);
  CHECK(e.interventions().empty());
  CHECK_THROWS_AS(e.release(number), bdh::input_error);
  CHECK(e.undo() == bdh::experiment::undone::release);
  REQUIRE(e.interventions().size() == 1);
  CHECK(e.interventions()[0].number == 1);
  const int in_reference =
      reference.interventions().add(bdh::parse_intervention(m, "silence x:0-20", 1));
  e.read(2);
  reference.step(2);
  check_equal(e.current(), reference);
  CHECK(e.undo() == bdh::experiment::undone::token);
  CHECK(e.undo() == bdh::experiment::undone::intervention);
  CHECK(e.interventions().empty());
  bdh::simulator untouched(m, bdh::cpu_engine(m));
  untouched.step(1);
  check_equal(e.current(), untouched);
  reference.interventions().remove(in_reference);
  CHECK(e.undo() == bdh::experiment::undone::token);
  CHECK_THROWS_AS(e.undo(), bdh::input_error);
}

TEST_CASE("a token that is being read") {
  const bdh::model m = small_model();
  bdh::experiment e(m, make_engine);
  e.read(3);
  CHECK(!e.round());
  CHECK_THROWS_AS(e.advance(), bdh::input_error);
  CHECK_THROWS_AS(e.finish(), bdh::input_error);
  e.begin(4);
  REQUIRE(e.round());
  CHECK(e.round()->layer == 0);
  CHECK_THROWS_AS(e.read(4), bdh::input_error);
  e.advance();
  CHECK(e.tokens_read() == 2);
  CHECK(e.undo() == bdh::experiment::undone::token);
  CHECK(e.tokens_read() == 1);
  e.begin(4);
  std::size_t rounds = 0;
  while (e.round()) {
    e.advance();
    ++rounds;
  }
  CHECK(rounds == 4 * m.layers());
  bdh::simulator reference(m, bdh::cpu_engine(m));
  reference.step(3);
  reference.step(4);
  check_equal(e.current(), reference);
}

TEST_CASE("a probe that comes late has the strength of one that was always there") {
  const bdh::model m = small_model();
  bdh::probe_spec wanted{{0, 1}, 2};
  while (m.direct().gs.find(wanted.pair.pre, wanted.pair.post)) ++wanted.pair.post;
  bdh::simulator reference(m, bdh::cpu_engine(m));
  reference.probes().add(wanted);
  bdh::experiment e(m, make_engine);
  for (const bdh::token_id t : tokens(40)) {
    e.read(t);
    reference.step(t);
  }
  CHECK(!e.current().probes().strength(wanted));
  CHECK(e.ensure_probed(std::vector{wanted}) == 40);
  CHECK(e.ensure_probed(std::vector{wanted}) == 0);
  CHECK(e.current().probes().strength(wanted).value() ==
        reference.probes().strength(wanted).value());
  const auto history = bdh::strength_history(e, std::vector{wanted}, 3);
  REQUIRE(history.size() == 1);
  REQUIRE(history[0].size() == 3);
  CHECK(history[0][2] == reference.probes().strength(wanted).value());
}

TEST_CASE("an interrupted replay changes nothing") {
  struct interruption {};
  const bdh::model m = small_model();
  int left = 1 << 30;
  bdh::experiment e(m, make_engine, {.simulator = {}, .interrupt = [&left] {
                                       if (left-- == 0) throw interruption();
                                     }});
  for (const bdh::token_id t : tokens(10)) e.read(t);
  const std::vector<float> before = all_strengths(e.current());
  left = 4;
  CHECK_THROWS_AS(e.undo(), interruption);
  CHECK(e.tokens_read() == 10);
  CHECK(all_strengths(e.current()) == before);
  left = 1 << 30;
  e.undo();
  CHECK(e.tokens_read() == 9);
}

TEST_CASE("a loaded state begins a history of its own") {
  const bdh::model m = small_model();
  bdh::experiment first(m, make_engine), second(m, make_engine);
  for (const bdh::token_id t : tokens(5)) first.read(t);
  second.read(6);
  second.load(first.save());
  CHECK(second.tokens_read() == 0);
  CHECK_THROWS_AS(second.undo(), bdh::input_error);
  first.read(2);
  second.read(2);
  check_equal(first.current(), second.current());
  second.undo();
  CHECK(second.current().tokens() == 5);
  CHECK_THROWS_AS(second.ensure_probed(std::vector<bdh::probe_spec>{
                      {{0, 0}, 1}, {{0, 1}, 1}, {{0, 2}, 1}, {{0, 3}, 1}}),
                  bdh::unavailable_error);
}

TEST_CASE("queries: activity of a layer, and what drives it") {
  const bdh::model m = small_model();
  bdh::experiment e(m, make_engine);
  CHECK_THROWS_AS(bdh::last_layer(e, bdh::moment::x_ready, "here"), bdh::input_error);
  for (const bdh::token_id t : tokens(6)) e.read(t);
  bdh::simulator reference(m, bdh::cpu_engine(m));
  std::vector<std::vector<float>> x(m.layers() + 1), y(m.layers() + 1);
  for (const bdh::token_id t : tokens(6)) {
    reference.begin(t);
    while (const auto mark = reference.advance()) {
      if (mark->at == bdh::moment::x_ready) x[mark->layer] = reference.read(bdh::variable::x);
      if (mark->at == bdh::moment::y_ready) y[mark->layer] = reference.read(bdh::variable::y);
    }
    reference.finish();
  }
  bool any = false;
  for (bdh::layer_id l = 1; l <= m.layers(); ++l) {
    CHECK(bdh::activity(e, bdh::variable::x, l) == x[l]);
    CHECK(bdh::activity(e, bdh::variable::y, l) == y[l]);
    for (bdh::neuron_id i = 0; i < m.neurons(); ++i) {
      const bdh::explanation why = bdh::explain_x(e, i, l);
      CHECK(why.value == x[l][i]);
      CHECK(why.other == (l == 1 ? 0 : x[l - 1][i]));
      CHECK(bdh::explain_y(e, i, l).value == y[l][i]);
      any = any || y[l][i] > 0;
    }
  }
  CHECK(any);
  const auto history = bdh::activity_history(e, bdh::variable::x, 2, 4);
  REQUIRE(history.size() == 4);
  CHECK(history[3] == x[2]);
  CHECK(bdh::last_position(e) == 5);
  e.begin(0);
  CHECK(bdh::last_position(e) == 6);
  CHECK_THROWS_AS(bdh::last_layer(e, bdh::moment::x_ready, "here"), bdh::input_error);
  e.advance();
  CHECK(bdh::last_layer(e, bdh::moment::x_ready, "here") == 1);
  CHECK_THROWS_AS(bdh::reached_layer(e, 2, bdh::moment::x_ready, "here"), bdh::input_error);
}

TEST_CASE("queries: the strongest synapses, those that changed, and neighbours") {
  const bdh::model m = small_model();
  bdh::experiment e(m, make_engine);
  for (const bdh::token_id t : tokens(6)) e.read(t);
  std::uint64_t nonzero = 0;
  double largest = 0;
  for (const float s : all_strengths(e.current())) {
    nonzero += s != 0;
    largest = std::max(largest, static_cast<double>(std::abs(s)));
  }
  REQUIRE(nonzero > 3);
  const bdh::ranked_synapses top = bdh::strongest_synapses(e, {}, 3);
  CHECK(top.nonzero == nonzero);
  REQUIRE(top.largest.size() == 3);
  CHECK(std::abs(top.largest[0].now) == largest);
  for (const bdh::synapse_strength& s : top.largest)
    CHECK(s.now == e.current().synapse(s.layer, s.neuron, s.target));

  const auto before = e.before_last_token();
  CHECK(before->tokens() == 5);
  for (const bdh::synapse_strength& s : bdh::changed_synapses(e, *before, 2, 5).largest) {
    CHECK(s.layer == 2);
    CHECK(s.before == before->synapse(s.layer, s.neuron, s.target));
    CHECK(s.now == e.current().synapse(s.layer, s.neuron, s.target));
  }

  const bdh::neighborhood around = bdh::neighbors(e, top.largest[0].neuron, 2);
  CHECK(around.gx_in.nonzero == bdh::edges_into(m, bdh::circuit::gx, top.largest[0].neuron).size());
  CHECK(around.gy_out.largest.size() <= 2);
  REQUIRE(!around.synapses_out.largest.empty());
  CHECK(around.synapses_out.largest[0].now == top.largest[0].now);
  REQUIRE(around.synapses_in);
}

TEST_CASE("queries as JSON have what the values have, to the last digit") {
  const bdh::model m = small_model();
  bdh::experiment e(m, make_engine);
  for (const bdh::token_id t : tokens(5)) e.read(t);
  using nlohmann::json;

  const bdh::shown_values x = bdh::show(e, bdh::variable::x, 2, std::size_t{3});
  const json shown = json::parse(bdh::as_json(m, x));
  const std::vector<float> all = e.current().read(bdh::variable::x);
  CHECK(shown["variable"] == "X");
  CHECK(shown["layer"] == 2);
  CHECK(shown["token"] == 4);
  CHECK(shown["size"] == m.neurons());
  REQUIRE(shown["values"].size() == 3);
  for (std::size_t k = 0; k < 3; ++k) {
    CHECK(shown["values"][k]["id"] == x.entries[k].at);
    CHECK(shown["values"][k]["value"].get<float>() == x.entries[k].value);
  }
  const bdh::neuron_id chosen[] = {7, 3};
  const bdh::shown_values two = bdh::show(e, bdh::variable::x, 2, chosen);
  REQUIRE(two.entries.size() == 2);
  CHECK(two.entries[0].at == 7);
  CHECK(two.active == x.active);

  const auto neuron = static_cast<bdh::neuron_id>(x.entries[0].at);
  for (const bdh::explanation& why : {bdh::explain_x(e, neuron, 2), bdh::explain_y(e, neuron, 2)}) {
    const json shown_why = json::parse(bdh::as_json(m, why));
    CHECK(shown_why["neuron"]["id"] == neuron);
    CHECK(shown_why["value"].get<float>() == why.value);
    CHECK(shown_why["drive"].get<double>() == why.cause.total());
    REQUIRE(shown_why["terms"].size() == why.cause.terms.size());
    for (std::size_t k = 0; k < shown_why["terms"].size(); ++k)
      CHECK(shown_why["terms"][k]["contribution"].get<double>() == why.cause.terms[k].value());
    CHECK(shown_why["held"].is_null());
    CHECK(bdh::as_text(m, why, 1).find(" more\n") != std::string::npos);
  }

  const bdh::ranked_synapses top = bdh::strongest_synapses(e, std::nullopt, 4);
  const json ranked = json::parse(bdh::as_json(m, top));
  CHECK(ranked["nonzero"] == top.nonzero);
  CHECK_FALSE(ranked.contains("changed_by_token"));
  REQUIRE(ranked["largest"].size() == 4);
  CHECK(ranked["largest"][0]["strength"].get<double>() == top.largest[0].now);
  CHECK(ranked["largest"][0]["target"]["id"] == top.largest[0].target);
  const bdh::ranked_synapses changed =
      bdh::changed_synapses(e, *e.before_last_token(), std::nullopt, 4);
  CHECK(json::parse(bdh::as_json(m, changed))["changed_by_token"] == 4);

  const bdh::neighborhood around = bdh::neighbors(e, neuron, 2);
  const json near = json::parse(bdh::as_json(m, around));
  CHECK(near["gx_in"]["nonzero"] == around.gx_in.nonzero);
  CHECK(near["gx_in"]["largest"][0]["weight"].get<double>() == around.gx_in.largest[0].weight);
  CHECK(near["synapses_out"]["nonzero"] == around.synapses_out.nonzero);
}
