#include "io/model/state_learning.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <bdh/error.hpp>

#include "core/simulation/weight_learner.hpp"

namespace bdh {
namespace {

neuron_id rows_of(const model& m, learned_circuit c) {
  if (c == learned_circuit::readout) return m.readout_nodes();
  return c == learned_circuit::embedding ? m.sensory_nodes() : m.neurons();
}

void expect_finite(std::span<const float> values, const std::string& place) {
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!std::isfinite(values[i]))
      throw input_error(place + "[" + std::to_string(i) + "]", shown(values[i]), "a finite value");
}

std::vector<std::string> known_names(const learning& how) {
  std::vector<std::string> all = {"trace"};
  for (std::size_t c = 0; c < learned_circuits; ++c)
    if (how.circuits[c] && changes(how.rule, static_cast<learned_circuit>(c)))
      all.emplace_back(name(static_cast<learned_circuit>(c)));
  return all;
}

}  // namespace

void write_learning(hdf5::group to, const learning_state& s, const model& m) {
  to.set_text("rule", name(s.how.rule));
  to.set_real("rate", s.how.rate);
  to.set_real("return", s.how.back);
  to.set_number("plain", s.how.plain ? 1 : 0);
  to.set_text("circuits", circuit_list(s.how));
  to.set_number("tokens", s.tokens);
  to.set_number("token", s.token);
  for (const learning_state::matrix& of : s.matrices) {
    hdf5::group g = to.create_group(name(of.what));
    g.create_dataset<float>("mean_squares", {of.mean_squares.size()}).write<float>(of.mean_squares);
    if (!of.weights.empty())
      g.create_dataset<float>("weights", {rows_of(m, of.what), m.hubs()}).write<float>(of.weights);
  }
  if (!s.trace.empty()) to.create_dataset<float>("trace", {s.trace.size()}).write<float>(s.trace);
}

learning_state read_learning(const hdf5::group& from, const model& m) {
  if (m.is_direct())
    throw input_error(from.place(), "learning of circuits through hubs",
                      "none: this model has explicit edges");
  learning_state s;
  s.how.rule = learning_rule_named(from.text("rule"), from.place() + "@rule");
  s.how.rate = from.real("rate");
  s.how.back = from.real("return");
  s.how.plain = from.number("plain") != 0;
  s.how.circuits = circuits_in(from.text("circuits"), from.place() + "@circuits");
  s.tokens = from.number("tokens");
  const std::uint64_t token = from.number("token");
  if (token >= m.sensory_nodes())
    throw input_error(from.place() + "@token", std::to_string(token),
                      "< " + std::to_string(m.sensory_nodes()));
  s.token = static_cast<token_id>(token);
  const std::vector<std::string> known = known_names(s.how);
  for (const std::string& found : from.names())
    if (std::find(known.begin(), known.end(), found) == known.end())
      throw input_error(from.place() + "/" + found, "unknown in a state of this learning",
                        "a circuit that changes, or trace");
  for (std::size_t c = 0; c < learned_circuits; ++c) {
    const auto what = static_cast<learned_circuit>(c);
    if (!s.how.circuits[c] || !changes(s.how.rule, what)) continue;
    const hdf5::group g = from.open_group(name(what));
    learning_state::matrix& of = s.matrices.emplace_back();
    of.what = what;
    of.mean_squares = g.open_dataset("mean_squares").read<float>({rows_of(m, what)});
    if (g.has("weights"))
      of.weights = g.open_dataset("weights").read<float>({rows_of(m, what), m.hubs()});
  }
  if (from.has("trace")) s.trace = from.open_dataset("trace").read_list<float>();
  return s;
}

void check_learning(const learning_state& s, const model& m, const std::string& place) {
  try {
    check(s.how, m);
  } catch (const error& e) {
    throw input_error(place, e.found(), e.expected());
  }
  for (const learning_state::matrix& of : s.matrices) {
    const std::string here = place + "/" + name(of.what);
    if (of.mean_squares.size() != rows_of(m, of.what))
      throw shape_error(here + "/mean_squares", std::to_string(of.mean_squares.size()) + " rows",
                        std::to_string(rows_of(m, of.what)));
    expect_finite(of.mean_squares, here + "/mean_squares");
    expect_finite(of.weights, here + "/weights");
  }
  expect_finite(s.trace, place + "/trace");
}

void hash_learning(sha256& sum, const learning_state& s) {
  const std::string head = "learning " + describe(s.how) + " " + std::to_string(s.tokens) + " " +
                           std::to_string(s.token) + "\n";
  sum.update(std::as_bytes(std::span(head)));
  for (const learning_state::matrix& of : s.matrices) {
    sum.update(std::as_bytes(std::span<const float>(of.mean_squares)));
    sum.update(std::as_bytes(std::span<const float>(of.weights)));
  }
  sum.update(std::as_bytes(std::span<const float>(s.trace)));
}

}  // namespace bdh
