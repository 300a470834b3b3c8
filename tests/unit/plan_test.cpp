// The plan of a token: its steps, where messages travel and where a moment is reached, against
// plans written out by hand.
#include "core/simulation/plan.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include <bdh/round_table.hpp>

namespace {

using bdh::action;
using bdh::stage;

// What engines answer: circuits through hubs, with synapses that are written as they are read;
std::span<const stage> of_hubs(action a) {
  static constexpr stage gather[] = {stage::to_hubs, stage::at_hubs, stage::arrive, stage::local};
  static constexpr stage spread[] = {stage::from_hubs, stage::arrive};
  static constexpr stage report[] = {stage::from_hubs, stage::to_hubs, stage::at_hubs,
                                     stage::arrive};
  static constexpr stage local[] = {stage::local};
  switch (a) {
    case action::propagate_and_reweight:
      return gather;
    case action::sense:
    case action::propagate_synapses:
    case action::update_w:
    case action::return_gy:
    case action::return_synapses:
      return std::span(gather).first(3);
    case action::return_readout:
      return report;
    case action::propagate_gx:
    case action::propagate_gy:
      return std::span(spread).first(1);
    case action::read_out:
      return spread;
    default:
      return local;
  }
}

// explicit edges without a readout, the two apart.
std::span<const stage> of_edges(action a) {
  static constexpr stage edges[] = {stage::to_targets, stage::at_targets};
  static constexpr stage local[] = {stage::local};
  switch (a) {
    case action::propagate_synapses:
    case action::propagate_gx:
    case action::propagate_gy:
      return edges;
    case action::propagate_and_reweight:
    case action::read_out:
      return {};
    default:
      return local;
  }
}

const char* shown(action a) {
  constexpr const char* names[] = {"sense",
                                   "synapses",
                                   "reweight",
                                   "decay",
                                   "gy",
                                   "y",
                                   "w",
                                   "gx",
                                   "x",
                                   "readout",
                                   "synapses+reweight",
                                   "return readout",
                                   "return gy",
                                   "return synapses",
                                   "learn"};
  return names[static_cast<int>(a)];
}

const char* shown(stage s) {
  constexpr const char* names[] = {"to_hubs",    "at_hubs",    "arrive", "from_hubs",
                                   "to_targets", "at_targets", "local"};
  return names[static_cast<int>(s)];
}

// One line a phase: its steps, "send" where messages follow, the moment that it reaches.
std::vector<std::string> lines_of(const bdh::token_plan& plan) {
  constexpr const char* moments[] = {"token_entered", "x_ready", "a_ready", "synapses_written",
                                     "y_ready"};
  std::vector<std::string> lines;
  for (const bdh::phase& p : plan) {
    std::string line;
    for (const bdh::step& s : p.steps)
      line += std::string(shown(s.what)) + " " + shown(s.at) + " " + std::to_string(s.layer) + ", ";
    if (p.sends) line += "send, ";
    if (p.ends)
      line += std::string(moments[static_cast<int>(p.ends->at)]) + " " +
              std::to_string(p.ends->layer) + ", ";
    lines.push_back(line.empty() ? line : line.substr(0, line.size() - 2));
  }
  return lines;
}

std::vector<std::string> lines_of(const bdh::action_stages& stages, bdh::observation sees,
                                  const bdh::round_table& table = bdh::round_table::published()) {
  return lines_of(bdh::make_plan(table, stages, 2, sees));
}

using lines = std::vector<std::string>;

}  // namespace

TEST_CASE("a token of two layers through hubs: a phase ends only where messages travel") {
  CHECK(lines_of(of_hubs, bdh::observation::none) ==
        lines{"sense to_hubs 0, send", "sense at_hubs 0, send",
              "sense arrive 0, gx from_hubs 1, x local 1, synapses+reweight to_hubs 1, send",
              "synapses+reweight at_hubs 1, send",
              "synapses+reweight arrive 1, synapses+reweight local 1, decay local 1, "
              "gy from_hubs 1, y local 1, w to_hubs 1, send",
              "w at_hubs 1, send",
              "w arrive 1, gx from_hubs 2, x local 2, synapses+reweight to_hubs 2, send",
              "synapses+reweight at_hubs 2, send",
              "synapses+reweight arrive 2, synapses+reweight local 2, decay local 2, "
              "gy from_hubs 2, y local 2, w to_hubs 2, send",
              "w at_hubs 2, send", "w arrive 2, readout from_hubs 0, send", "readout arrive 0"});
}

TEST_CASE("a token that learns: two rounds a layer, from the last one down") {
  const auto of = [](bdh::learning_rule rule) {
    return lines_of(bdh::make_learning_plan(of_hubs, 2, rule));
  };
  CHECK(of(bdh::learning_rule::exact) ==
        lines{"return readout from_hubs 0, send", "return readout to_hubs 0, send",
              "return readout at_hubs 0, send",
              "return readout arrive 0, return gy to_hubs 2, send", "return gy at_hubs 2, send",
              "return gy arrive 2, return synapses to_hubs 2, send",
              "return synapses at_hubs 2, send",
              "return synapses arrive 2, return gy to_hubs 1, send", "return gy at_hubs 1, send",
              "return gy arrive 1, return synapses to_hubs 1, send",
              "return synapses at_hubs 1, send", "return synapses arrive 1, learn local 0"});
  for (const auto rule : {bdh::learning_rule::rows, bdh::learning_rule::readout})
    CHECK(of(rule) == lines{"return readout from_hubs 0, send", "return readout to_hubs 0, send",
                            "return readout at_hubs 0, send",
                            "return readout arrive 0, learn local 0"});
}

TEST_CASE("a token of two layers over explicit edges") {
  CHECK(lines_of(of_edges, bdh::observation::none) ==
        lines{"sense local 0, gx to_targets 1, send",
              "gx at_targets 1, x local 1, synapses to_targets 1, send",
              "synapses at_targets 1, reweight local 1, decay local 1, gy to_targets 1, send",
              "gy at_targets 1, y local 1, w local 1, gx to_targets 2, send",
              "gx at_targets 2, x local 2, synapses to_targets 2, send",
              "synapses at_targets 2, reweight local 2, decay local 2, gy to_targets 2, send",
              "gy at_targets 2, y local 2, w local 2"});
}

TEST_CASE("drives are observed at an end of a phase that is there anyway") {
  auto expected = lines_of(of_hubs, bdh::observation::none);
  expected[2] += ", x_ready 1";
  expected[6] += ", x_ready 2";
  CHECK(lines_of(of_hubs, bdh::observation::drives) == expected);
}

TEST_CASE("where activity is observed, a phase ends at every moment") {
  const auto all = lines_of(of_hubs, bdh::observation::activity);
  const lines first_layer{"sense to_hubs 0, send",
                          "sense at_hubs 0, send",
                          "sense arrive 0, token_entered 0",
                          "gx from_hubs 1, x local 1, x_ready 1",
                          "synapses+reweight to_hubs 1, send",
                          "synapses+reweight at_hubs 1, send",
                          "synapses+reweight arrive 1, a_ready 1",
                          "synapses+reweight local 1, decay local 1, synapses_written 1",
                          "gy from_hubs 1, y local 1, w to_hubs 1, send",
                          "w at_hubs 1, send",
                          "w arrive 1, y_ready 1"};
  REQUIRE(all.size() == 2 * first_layer.size() - 3 + 2);
  CHECK(lines(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(first_layer.size())) ==
        first_layer);
  CHECK(all[all.size() - 2] == "readout from_hubs 0, send");
  CHECK(all.back() == "readout arrive 0");
}

TEST_CASE("synapses that are observed between the rounds are written in their own round") {
  const auto all = lines_of(of_hubs, bdh::observation::synapses);
  CHECK(std::count(all.begin(), all.end(), "synapses arrive 1, a_ready 1") == 1);
  CHECK(std::count(all.begin(), all.end(), "reweight local 1, decay local 1, synapses_written 1") ==
        1);
}

TEST_CASE("only a write that follows the read at once takes part in it") {
  bdh::round_table table = bdh::round_table::published();
  std::swap(table.rounds[1][0], table.rounds[1][1]);  // decay before the write
  const auto fused = [](const lines& all) {
    return std::any_of(all.begin(), all.end(), [](const std::string& line) {
      return line.find("synapses+reweight") != std::string::npos;
    });
  };
  CHECK_FALSE(fused(lines_of(of_hubs, bdh::observation::none, table)));
  table = bdh::round_table::published();
  table.rounds[1] = {action::decay};  // nothing is written
  CHECK_FALSE(fused(lines_of(of_hubs, bdh::observation::none, table)));
}
