#include "apps/models/describe_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include <bdh/model.hpp>
#include <bdh/round_table.hpp>

#include "apps/common/console.hpp"
#include "io/model/origin_entries.hpp"

namespace bdh::app {
namespace {

std::vector<const projection*> projections(const model& m) {
  const hub_circuits& c = m.circuits();
  if (!m.is_direct()) return {&c.e, &c.sensory, &c.dx, &c.dy, &c.readout};
  const direct_circuits& g = m.direct();
  std::vector<const projection*> all{&g.gx_excitatory, &g.gx_inhibitory, &g.gy_excitatory,
                                     &g.gy_inhibitory, &g.gs};
  for (const projection* p : {&g.sensory, &g.readout, &c.e, &c.sensory, &c.readout})
    if (p->edges() != 0) all.push_back(p);
  return all;
}

// Of the pool of a model with explicit edges: as the file calls it.
std::string shown_name(const model& m, const projection& p) {
  const hub_circuits& c = m.circuits();
  const bool of_pool = m.is_direct() && (&p == &c.e || &p == &c.sensory || &p == &c.readout);
  return (of_pool ? "pool_" : "") + p.name();
}

std::vector<population> populations(const model& m) {
  std::vector<population> all{
      {"neurons", m.neurons()}, {"sensory", m.sensory_nodes()}, {"readout", m.readout_nodes()}};
  if (m.hubs() != 0) all.insert(all.begin() + 1, {"hubs", m.hubs()});
  if (m.sensory_are_sources() && m.is_direct())
    all.insert(all.begin() + 1, {"sources", m.sources()});
  return all;
}

// Explicit edges only.
std::vector<std::pair<const char*, std::pair<const projection*, const projection*>>>
explicit_circuits(const model& m) {
  const direct_circuits& g = m.direct();
  return {{"Gx", {&g.gx_excitatory, &g.gx_inhibitory}},
          {"Gy", {&g.gy_excitatory, &g.gy_inhibitory}}};
}

double bytes_per_edge(const model& m) {
  std::size_t bytes = 0, edges = 0;
  for (const auto& [name, both] : explicit_circuits(m))
    for (const projection* p : {both.first, both.second}) bytes += p->bytes(), edges += p->edges();
  return edges == 0 ? 0 : static_cast<double>(bytes) / static_cast<double>(edges);
}

// Rates, u and the strengths of all layers.
double bytes_per_synapse(const model& m) {
  const std::size_t bytes =
      m.direct().gs.bytes() + m.direct().retention.bytes() + m.synapse_bytes();
  return m.synapses() == 0 ? 0 : static_cast<double>(bytes) / static_cast<double>(m.synapses());
}

std::string storage(const projection& p) {
  return fmt::format("{}, {}", p.is_dense() ? "dense" : "CSR",
                     p.rows_are() == major::source ? "by source" : "by target");
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
  if (!m.rotation().present()) return "none";
  const periods p = periods_of(m.rotation());
  return fmt::format("{} pairs a head, one turn in {:.3g} to {:.3g} tokens",
                     m.rotation().frequency().size(), p.fastest, p.slowest);
}

// The hops that an action takes in circuits through hubs; empty: it has no edges to travel.
std::string hops_of(action a, const dynamics& rules) {
  switch (a) {
    case action::sense:
      return std::string("sensory node -> hubs (sensory)") +
             (rules.token_gain() ? "; gain of the pool" : "");
    case action::propagate_synapses:
      return std::string("neurons -> hubs (synapses), per head") +
             (rules.attention_gain() ? "; gain of the pool, per head" : "");
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
    case action::return_readout:
      return "readout nodes -> hubs (readout, backwards)";
    case action::return_gy:
      return "hubs -> neurons (e), neurons -> hubs (dy), backwards";
    case action::return_synapses:
      return "hubs -> neurons (synapses), neurons -> hubs (dx), backwards";
    case action::learn:
      return "every neuron, its own rows";
    default:
      return "";
  }
}

// Those of a token that learns by the exact rule.
constexpr action learning_rounds[] = {action::return_readout, action::return_gy,
                                      action::return_synapses, action::learn};
bool can_learn(const model& m) {
  return !m.is_direct() && m.rules().name() == "gpu-release" && m.readout_nodes() != 0;
}

// The same over explicit edges.
std::string direct_hops_of(action a, const model& m) {
  const char* const pool = m.hubs() != 0 ? "; gain of the pool" : "";
  switch (a) {
    case action::sense:
      return m.sensory_are_sources() ? std::string("sensory node is a source") + pool
                                     : "sensory node -> neurons (sensory)";
    case action::propagate_synapses:
      return std::string("neurons -> sources (synapses of gs), per head") +
             (m.rules().attention_gain() ? "; gain of the pool, per head" : "");
    case action::reweight:
      return "neurons -> sources (synapses of gs, at their rates)";
    case action::propagate_gy:
      return "sources -> neurons (gy_excitatory, gy_inhibitory)";
    case action::update_w:
      return m.rules().w() == w_rule::y ? "" : "neurons -> hubs (pool_e); gain of the pool";
    case action::propagate_gx:
      return "sources -> neurons (gx_excitatory, gx_inhibitory)";
    case action::read_out:
      if (m.readout_nodes() == 0) return "no readout nodes";
      return m.direct().readout.edges() != 0 ? "sources -> readout nodes (readout)"
                                             : "hubs -> readout nodes (pool_readout)";
    default:
      return "";
  }
}

std::string hops_in(action a, const model& m) {
  return m.is_direct() ? direct_hops_of(a, m) : hops_of(a, m.rules());
}

std::string hop_line(action a, const model& m) {
  const std::string hops = hops_in(a, m);
  return hops.empty() ? "" : fmt::format("{:20}{}\n", "", hops);
}

std::string explicit_text(const model& m) {
  std::string text;
  for (const auto& [name, both] : explicit_circuits(m))
    text +=
        fmt::format("{:16}{} edges, {} excitatory and {} inhibitory\n", name,
                    shown_count(static_cast<double>(both.first->edges() + both.second->edges())),
                    shown_count(static_cast<double>(both.first->edges())),
                    shown_count(static_cast<double>(both.second->edges())));
  text += fmt::format(
      "{:16}{:.3g} bytes for each circuit edge, {:.3g} for each synapse in all layers\n", "memory",
      bytes_per_edge(m), bytes_per_synapse(m));
  if (!m.direct().retention.empty())
    text += fmt::format("{:16}one for each synapse, beside the uniform one\n", "own retention");
  if (!m.neuron_names().empty())
    text += fmt::format("{:16}of neurons: {}, ...\n", "names", one_line(m.neuron_names().front()));
  return text;
}

nlohmann::ordered_json explicit_json(const model& m) {
  nlohmann::ordered_json all;
  for (const auto& [name, both] : explicit_circuits(m))
    all[name] = {{"excitatory", both.first->edges()}, {"inhibitory", both.second->edges()}};
  all["bytes_per_edge"] = bytes_per_edge(m);
  all["bytes_per_synapse"] = bytes_per_synapse(m);
  all["own_retention"] = !m.direct().retention.empty();
  all["named"] = !m.neuron_names().empty();
  return all;
}

}  // namespace

std::string model_text(const model& m) {
  std::string text;
  const auto line = [&](const char* what, const std::string& value) {
    text += fmt::format("{:16}{}\n", one_line(what), one_line(value));
  };
  line("hash", m.content_sha256());
  line("dynamics", fmt::format("{} ({}), epsilon {:g}", m.rules().name(), m.rules().equation(),
                               m.rules().epsilon()));
  line("layers", fmt::format("{}, {} rounds a token", m.layers(), 4 * m.layers()));
  line("heads", fmt::format("{} of {} neurons", m.heads(), m.neurons_per_head()));
  for (const population& p : populations(m))
    line(p.name.c_str(), fmt::format("{} nodes", shown_count(p.size)));
  for (const projection* p : projections(m))
    text += fmt::format("{:16}{} -> {}: {} edges, {}, {}\n", one_line(shown_name(m, *p)),
                        one_line(p->source().name), one_line(p->target().name),
                        shown_count(static_cast<double>(p->edges())), shown_bytes(p->bytes()),
                        storage(*p));
  line("synapses",
       fmt::format("neurons -> {}: {} a layer, {} in all", m.is_direct() ? "sources" : "hubs",
                   shown_count(static_cast<double>(m.synapses())), shown_bytes(m.synapse_bytes())));
  if (m.is_direct()) text += explicit_text(m);
  line("model size", shown_bytes(m.bytes()));
  line("rotation", rotation_text(m));
  line("retention",
       m.retention() < 1 ? fmt::format("{} a token", m.retention()) : "1: nothing is forgotten");
  line("tokenizer", name(m.tokens()));
  line("trained on", m.training_window() == 0
                         ? "windows of unknown length"
                         : fmt::format("windows of {} tokens", m.training_window()));
  if (!m.memory_order().empty())
    line("order", "neurons are kept in another order than that of their numbers");
  if (m.renumbered())
    line("numbering", "neurons have other numbers than in the file that they come from");
  line("made by", m.origin().creator);
  if (!m.origin().source.empty())
    line("source",
         fmt::format(
             "{}{}", m.origin().source,
             m.origin().source_sha256.empty() ? "" : ", SHA-256 " + m.origin().source_sha256));
  line("layout", m.origin().layout);
  for (const auto& [what, entries] : {std::pair{"recipe", &m.origin().recipe},
                                      {"tuning", &m.origin().tuning},
                                      {"learning", &m.origin().learning}})
    for (const auto& [name, value] : *entries) line(what, fmt::format("{:24}{}", name, value));
  for (const std::string& inferred : m.origin().inferred) line("inferred", inferred);
  for (const std::string& found : m.origin().not_used) line("not used", found);
  return text;
}

nlohmann::ordered_json model_json(const model& m) {
  nlohmann::ordered_json all;
  all["content_sha256"] = m.content_sha256();
  all["dynamics"] = {{"name", m.rules().name()},
                     {"equation", m.rules().equation()},
                     {"epsilon", m.rules().epsilon()}};
  all["layers"] = m.layers();
  all["heads"] = m.heads();
  for (const population& p : populations(m)) all["populations"][p.name] = p.size;
  for (const projection* p : projections(m))
    all["projections"][shown_name(m, *p)] = {
        {"source", p->source().name},
        {"target", p->target().name},
        {"edges", p->edges()},
        {"bytes", p->bytes()},
        {"storage", p->is_dense() ? "dense" : "csr"},
        {"order", p->rows_are() == major::source ? "by_source" : "by_target"}};
  all["circuits"] = m.is_direct() ? "direct" : "hubs";
  if (m.is_direct()) all["direct"] = explicit_json(m);
  all["synapses"] = m.synapses();
  all["model_bytes"] = m.bytes();
  all["synapse_bytes"] = m.synapse_bytes();
  all["rotation"] = nullptr;
  if (m.rotation().present()) {
    const periods p = periods_of(m.rotation());
    all["rotation"] = {{"pairs_per_head", m.rotation().frequency().size()},
                       {"fastest_period", p.fastest},
                       {"slowest_period", p.slowest}};
  }
  all["retention"] = m.retention();
  all["tokenizer"] = name(m.tokens());
  if (m.tokens() == tokenizer::characters) {
    auto characters = nlohmann::ordered_json::parse(*m.tokenizer_definition(), nullptr, false);
    if (characters.is_object()) all.update(characters);  // {"characters": [...]}, by token id
  }
  all["training_window"] = nullptr;
  if (m.training_window() != 0) all["training_window"] = m.training_window();
  all["renumbered"] = m.renumbered();
  all["reordered"] = !m.memory_order().empty();
  all["origin"] = {{"creator", m.origin().creator},
                   {"source", m.origin().source},
                   {"source_sha256", m.origin().source_sha256},
                   {"layout", m.origin().layout},
                   {"inferred", m.origin().inferred},
                   {"not_used", m.origin().not_used}};
  if (!m.origin().recipe.empty()) all["recipe"] = entries_json(m.origin().recipe);
  if (!m.origin().tuning.empty()) all["tuning"] = entries_json(m.origin().tuning);
  if (!m.origin().learning.empty()) all["learning"] = entries_json(m.origin().learning);
  return all;
}

std::string rounds_text(const model& m) {
  const round_table table = round_table::published();
  std::string text = fmt::format(
      "A token: {} layers of 4 rounds. i -> j is an edge, sigma_l its strength in layer l, U its "
      "decay.\n",
      m.layers());
  text += fmt::format("token    {:11}{}\n{}", name(kernel_of(action::sense)), rule(action::sense),
                      hop_line(action::sense, m));
  text += fmt::format(
      "for l = 1..{}: round 3 (of the token boundary, or of layer l - 1), then rounds 0, 1, 2\n",
      m.layers());
  // Each line that describe() gives, and under it the hops of its action.
  std::string lines = describe(table);
  for (const auto& round : table.rounds)
    for (action a : round) {
      const std::size_t end = lines.find('\n') + 1;
      text += lines.substr(0, end) + hop_line(a, m);
      lines.erase(0, end);
    }
  text += fmt::format("readout  {:11}{}\n{}", name(kernel_of(action::read_out)),
                      rule(action::read_out), hop_line(action::read_out, m));
  if (!can_learn(m)) return text;
  text += fmt::format(
      "With --learn, when the next token is known; dZ is the error of Z; the two in the middle for "
      "l "
      "= {}..1:\n",
      m.layers());
  for (const action a : learning_rounds)
    text += fmt::format("learn    {:11}{}\n{}", name(kernel_of(a)), rule(a), hop_line(a, m));
  return text;
}

nlohmann::ordered_json rounds_json(const model& m) {
  auto all = nlohmann::ordered_json::array();
  const round_table table = round_table::published();
  for (std::size_t r = 0; r < table.rounds.size(); ++r)
    for (action a : table.rounds[r])
      all.push_back({{"round", r},
                     {"kernel", name(kernel_of(a))},
                     {"rule", rule(a)},
                     {"hops", hops_in(a, m)}});
  return all;
}

nlohmann::ordered_json learning_rounds_json(const model& m) {
  auto all = nlohmann::ordered_json::array();
  if (!can_learn(m)) return all;
  for (const action a : learning_rounds)
    all.push_back({{"kernel", name(kernel_of(a))}, {"rule", rule(a)}, {"hops", hops_in(a, m)}});
  return all;
}

}  // namespace bdh::app
