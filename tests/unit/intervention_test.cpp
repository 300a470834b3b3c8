// Interventions made in C++ are those that their text makes.
#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>
#include <bdh/intervention.hpp>
#include <bdh/simulator.hpp>

#include "core/model/random_model.hpp"

namespace {

using bdh::circuit;
using bdh::variable;

bdh::model ring() {
  bdh::random_model_recipe r;
  r.graph = {.family = bdh::graph_family::ring, .neurons = 24, .degree = 4};
  r.vocabulary = 4;
  r.layers = 4;
  return bdh::random_circuits(r).make({});
}

}  // namespace

TEST_CASE("builders and text make equal values, and the text of a value parses as the value") {
  const bdh::model m = ring();
  const std::vector<std::pair<bdh::intervention, std::string>> pairs = {
      {bdh::lesion({9, 5, 7, 8, 5}), "lesion 5,7-9"},
      {bdh::lesion(circuit::gx, {{4, 9}, {3, 7}}), "lesion gx:3->7,4->9"},
      {bdh::lesion(circuit::gy, {{3, 7}}).layers({2}), "lesion gy:3->7 layers 2"},
      {bdh::lesion_synapses({{3, 7}}).from(6), "lesion synapses:3->7 from 6"},
      {bdh::silence(variable::x, {5, 9}).layers({2}).tokens(10, 20),
       "silence x:5,9 layers 2 tokens 10-20"},
      {bdh::silence(variable::y, {2}), "silence y:2"},
      {bdh::clamp(variable::x, {5}, 0.3).layers({4, 1, 2}), "clamp x:5 0.3 layers 1-2,4"},
      {bdh::stimulate(variable::x, {5}, 0.1).at(10), "stimulate x:5 0.1 at 10"},
      {bdh::stimulate(variable::y, {5, 6}, -2.5), "stimulate y:5-6 -2.5"},
      {bdh::freeze().from(10), "freeze from 10"},
      {bdh::inhibition(0.5), "inhibition 0.5"},
      {bdh::reset().at(3), "reset at 3"},
      {bdh::reset({{3, 7}}).layers({1}), "reset synapses:3->7 layers 1"},
      {bdh::set({{3, 7}}, 0.2).at(5), "set synapses:3->7 0.2 at 5"},
  };
  for (const auto& pair : pairs) {
    const auto& made = pair.first;
    const auto& text = pair.second;
    CAPTURE(text);
    CHECK(made == bdh::parse_intervention(m, text));
    CHECK(made == bdh::parse_intervention(m, bdh::describe(m, made)));
  }
}

TEST_CASE("what no text can say is refused") {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  CHECK_THROWS_AS(bdh::lesion(std::vector<bdh::neuron_id>{}), bdh::input_error);
  CHECK_THROWS_AS(bdh::lesion_synapses({}), bdh::input_error);
  CHECK_THROWS_AS(bdh::silence(variable::w, {1}), bdh::input_error);
  CHECK_THROWS_AS(bdh::silence(variable::a, {1}), bdh::input_error);
  CHECK_THROWS_AS(bdh::clamp(variable::x, {1}, -1), bdh::input_error);
  CHECK_THROWS_AS(bdh::stimulate(variable::x, {1}, infinite), bdh::input_error);
  CHECK_THROWS_AS(bdh::set({{1, 2}}, 1e39), bdh::input_error);
  CHECK_THROWS_AS(bdh::inhibition(-0.5), bdh::input_error);
  CHECK_THROWS_AS(bdh::freeze().tokens(4, 3), bdh::input_error);
  CHECK_THROWS_AS(bdh::freeze().layers({}), bdh::input_error);
}

TEST_CASE("a simulator refuses what is out of range for its model") {
  const bdh::model m = ring();
  bdh::simulator brain(m, bdh::cpu_engine(m));
  CHECK_THROWS_AS(brain.interventions().add(bdh::silence(variable::x, {24})), bdh::input_error);
  CHECK_THROWS_AS(brain.interventions().add(bdh::lesion_synapses({{0, 24}})), bdh::input_error);
  CHECK_THROWS_AS(brain.interventions().add(bdh::lesion(circuit::gx, {{24, 0}})), bdh::input_error);
  CHECK_THROWS_AS(brain.interventions().add(bdh::freeze().layers({0})), bdh::input_error);
  CHECK_THROWS_AS(brain.interventions().add(bdh::freeze().layers({5})), bdh::input_error);
  CHECK(brain.interventions().empty());
  brain.interventions().add(bdh::silence(variable::x, {23}));
  CHECK(brain.interventions().size() == 1);
}
