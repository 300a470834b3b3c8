#include "apps/describe_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "apps/console.hpp"
#include "core/round_table.hpp"

namespace bdh::app {
namespace {

std::array<const projection*, 5> projections(const model& m) {
  const hub_circuits& c = m.circuits();
  return {&c.e, &c.sensory, &c.dx, &c.dy, &c.readout};
}

std::array<population, 4> populations(const model& m) {
  const hub_circuits& c = m.circuits();
  return {c.e.source(), c.e.target(), c.sensory.source(), c.readout.target()};
}

std::string storage(const projection& p) {
  return fmt::format("{}, {}", p.is_dense() ? "dense" : "CSR", p.rows_are() == order::by_source ? "by source" : "by target");
}

// Tokens per turn: the shortest and the longest of the pairs that turn at all.
struct periods {
  double fastest = 0, slowest = 0;
};
periods periods_of(const rotation& r) {
  periods p;
  for (double f : r.frequency()) {
    if (f == 0) continue;
    const double period = 1 / std::abs(f);
    p.fastest = p.fastest == 0 ? period : std::min(p.fastest, period);
    p.slowest = std::max(p.slowest, period);
  }
  return p;
}

std::string rotation_text(const model& m) {
  if (!m.turning().present()) return "none";
  const periods p = periods_of(m.turning());
  return fmt::format("{} pairs a head, one turn in {:.3g} to {:.3g} tokens", m.turning().frequency().size(), p.fastest, p.slowest);
}

// The hops that an action takes in circuits through hubs; empty: it has no edges to travel.
std::string hops_of(action a, const dynamics& rules) {
  switch (a) {
    case action::sense:
      return std::string("sensory node -> hubs (sensory)") + (rules.token_gain() ? "; gain of the pool" : "");
    case action::propagate_synapses:
      return std::string("neurons -> hubs (synapses), per head") + (rules.attention_gain() ? "; gain of the pool, per head" : "");
    case action::reweight:
      return "neurons -> hubs (synapses)";
    case action::propagate_gy:
      return "hubs -> neurons (dy)";
    case action::update_w:
      if (rules.w() == w_rule::y) return "neurons -> hubs (e)";
      return std::string("neurons -> hubs (e); gain of the pool") +
             (rules.w() == w_rule::leaky_sum ? ", sum over layers, gain of the sum" : "");
    case action::propagate_gx:
      return "hubs -> neurons (dx)";
    case action::read_out:
      return "hubs -> readout nodes (readout)";
    default:
      return "";
  }
}

std::string hop_line(action a, const model& m) {
  const std::string hops = hops_of(a, m.rules());
  return hops.empty() ? "" : fmt::format("{:20}{}\n", "", hops);
}

}  // namespace

std::string model_text(const model& m) {
  std::string text;
  const auto line = [&](const char* what, const std::string& value) { text += fmt::format("{:16}{}\n", one_line(what), one_line(value)); };
  line("hash", m.content_sha256());
  line("dynamics", fmt::format("{} ({}), epsilon {:g}", m.rules().name(), m.rules().equation(), m.rules().epsilon()));
  line("layers", fmt::format("{}, {} rounds a token", m.layers(), 4 * m.layers()));
  line("heads", fmt::format("{} of {} neurons", m.heads(), m.neurons_per_head()));
  for (const population& p : populations(m)) line(p.name.c_str(), fmt::format("{} nodes", shown_count(p.size)));
  for (const projection* p : projections(m))
    text += fmt::format("{:16}{} -> {}: {} edges, {}, {}\n", one_line(p->name()), one_line(p->source().name), one_line(p->target().name),
                        shown_count(static_cast<double>(p->edges())), shown_bytes(p->bytes()), storage(*p));
  line("synapses", fmt::format("neurons -> hubs: {} a layer, {} in all", shown_count(static_cast<double>(m.neurons()) * m.hubs()),
                               shown_bytes(m.synapse_bytes())));
  line("model size", shown_bytes(m.bytes()));
  line("rotation", rotation_text(m));
  line("retention", m.retention() < 1 ? fmt::format("{} a token", m.retention()) : "1: nothing is forgotten");
  line("tokenizer", name(m.tokens()));
  line("trained on", m.training_window() == 0 ? "windows of unknown length" : fmt::format("windows of {} tokens", m.training_window()));
  if (m.renumbered()) line("numbering", "neurons were renumbered on import");
  line("made by", m.origin().creator);
  line("source", fmt::format("{}{}", m.origin().source, m.origin().source_sha256.empty() ? "" : ", SHA-256 " + m.origin().source_sha256));
  line("layout", m.origin().layout);
  for (const std::string& inferred : m.origin().inferred) line("inferred", inferred);
  return text;
}

nlohmann::ordered_json model_json(const model& m) {
  nlohmann::ordered_json all;
  all["content_sha256"] = m.content_sha256();
  all["dynamics"] = {{"name", m.rules().name()}, {"equation", m.rules().equation()}, {"epsilon", m.rules().epsilon()}};
  all["layers"] = m.layers();
  all["heads"] = m.heads();
  for (const population& p : populations(m)) all["populations"][p.name] = p.size;
  for (const projection* p : projections(m))
    all["projections"][p->name()] = {{"source", p->source().name},
                                     {"target", p->target().name},
                                     {"edges", p->edges()},
                                     {"bytes", p->bytes()},
                                     {"storage", p->is_dense() ? "dense" : "csr"},
                                     {"order", p->rows_are() == order::by_source ? "by_source" : "by_target"}};
  all["model_bytes"] = m.bytes();
  all["synapse_bytes"] = m.synapse_bytes();
  all["rotation"] = nullptr;
  if (m.turning().present()) {
    const periods p = periods_of(m.turning());
    all["rotation"] = {{"pairs_per_head", m.turning().frequency().size()}, {"fastest_period", p.fastest}, {"slowest_period", p.slowest}};
  }
  all["retention"] = m.retention();
  all["tokenizer"] = name(m.tokens());
  all["training_window"] = nullptr;
  if (m.training_window() != 0) all["training_window"] = m.training_window();
  all["renumbered"] = m.renumbered();
  all["origin"] = {{"creator", m.origin().creator},
                   {"source", m.origin().source},
                   {"source_sha256", m.origin().source_sha256},
                   {"layout", m.origin().layout},
                   {"inferred", m.origin().inferred}};
  return all;
}

std::string rounds_text(const model& m) {
  const round_table table = round_table::published();
  std::string text =
      fmt::format("A token: {} layers of 4 rounds. i -> j is an edge, sigma_l its strength in layer l, U its decay.\n", m.layers());
  text += fmt::format("token    {:11}{}\n{}", name(kernel_of(action::sense)), rule(action::sense), hop_line(action::sense, m));
  text += fmt::format("for l = 1..{}: round 3 (of the token boundary, or of layer l - 1), then rounds 0, 1, 2\n", m.layers());
  // Each line that describe() gives, and under it the hops of its action.
  std::string lines = describe(table);
  for (const auto& round : table.rounds)
    for (action a : round) {
      const std::size_t end = lines.find('\n') + 1;
      text += lines.substr(0, end) + hop_line(a, m);
      lines.erase(0, end);
    }
  return text +
         fmt::format("readout  {:11}{}\n{}", name(kernel_of(action::read_out)), rule(action::read_out), hop_line(action::read_out, m));
}

nlohmann::ordered_json rounds_json(const model& m) {
  auto all = nlohmann::ordered_json::array();
  const round_table table = round_table::published();
  for (std::size_t r = 0; r < table.rounds.size(); ++r)
    for (action a : table.rounds[r])
      all.push_back({{"round", r}, {"kernel", name(kernel_of(a))}, {"rule", rule(a)}, {"hops", hops_of(a, m.rules())}});
  return all;
}

}  // namespace bdh::app
