#include "core/model/model_checks.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_set>

#include <bdh/error.hpp>

namespace bdh {
namespace {

void expect(const projection& p, const char* name, major rows, neuron_id sources,
            neuron_id targets) {
  const bool gone = p.edges() == 0 && p.is_dense() && sources != 0 && targets != 0;  // moved from
  if (gone || p.rows_are() != rows || p.source().size != sources || p.target().size != targets)
    throw shape_error(std::string("model/") + name,
                      std::to_string(p.source().size) + " sources x " +
                          std::to_string(p.target().size) + " targets",
                      std::to_string(sources) + " x " + std::to_string(targets) +
                          (rows == major::source ? ", by source" : ", by target"));
}

void check_hubs(const hub_circuits& c) {
  const neuron_id n = c.e.source().size, d = c.e.target().size;
  if (n == 0 || d == 0)
    throw shape_error("model/e", std::to_string(n) + " neurons x " + std::to_string(d) + " hubs",
                      "at least one of each");
  if (c.sensory.source().size == 0)
    throw shape_error("model/sensory", "no sensory nodes", "one for each token of the vocabulary");
  expect(c.e, "e", major::source, n, d);
  expect(c.sensory, "sensory", major::source, c.sensory.source().size, d);
  expect(c.dx, "dx", major::target, d, n);
  expect(c.dy, "dy", major::target, d, n);
  expect(c.readout, "readout", major::target, d, c.sensory.source().size);
}

void expect_not_negative(const projection& p, const char* name) {
  if (const auto e = p.first_negative())
    throw input_error("model/" + std::string(name) + "/data[" + std::to_string(*e) + "]",
                      shown(p.weight(*e)), "a weight >= 0",
                      "inhibition has a projection of its own");
}

// A pool of hubs is needed where the dynamics have gains; it sees every source.
void check_pool(const model_spec& p, neuron_id n, neuron_id sources) {
  const hub_circuits& c = p.circuits;
  const bool pool = c.e.edges() != 0, needed = p.rules.w() != w_rule::y || p.rules.attention_gain();
  if (needed && !pool)
    throw unavailable_error(
        "model/dynamics", p.rules.name() + " on direct circuits without a pool of hubs",
        "bdh or normfree", "only models imported from BDH-GPU have the pool that gives its gains");
  if (!pool) return;
  expect(c.e, "e", major::source, n, c.e.target().size);
  expect(c.sensory, "sensory", major::source, sources - n, c.e.target().size);
  if (c.readout.edges() != 0)
    expect(c.readout, "readout", major::target, c.e.target().size, sources - n);
}

// Rotation mixes the synapses of the two neurons of a pair: both exist, and both are kept alike.
void check_pairs(const direct_circuits& c) {
  constexpr edge_id looked_at = edge_id{1} << 20;
  edge_id seen = 0;
  const auto row = [&](neuron_id i) {
    return c.gs.is_dense()
               ? std::span<const neuron_id>()
               : c.gs.indices().subspan(c.gs.indptr()[i], c.gs.indptr()[i + 1] - c.gs.indptr()[i]);
  };
  for (neuron_id i = 0; i + 1 < c.gs.rows(); i += 2) {
    const auto even = row(i), odd = row(i + 1);
    const std::string place = "model/gs, pair " + std::to_string(i) + ", " + std::to_string(i + 1);
    if (!std::equal(even.begin(), even.end(), odd.begin(), odd.end()))
      throw input_error(place, "synapses to different targets",
                        "the same targets, since rotation mixes the two",
                        "add the missing partner at rate 0");
    const edge_id a = c.gs.indptr()[i], b = a + even.size();
    for (std::size_t e = 0; !c.retention.empty() && e < even.size(); ++e)
      if (c.retention[a + e] != c.retention[b + e])
        throw input_error(place,
                          "different retention of the synapses to " + std::to_string(even[e]),
                          "the same, since rotation mixes the two");
    if (b - seen < looked_at) continue;
    c.gs.give_back(seen, b);
    if (!c.retention.empty()) c.retention.give_back(seen, b);
    seen = b;
  }
  c.gs.give_back(seen, c.gs.edges());
}

void check_direct(const model_spec& p) {
  const direct_circuits& c = *p.direct;
  const neuron_id n = c.gs.source().size, sources = c.gs.target().size;
  if (n == 0 || sources < n)
    throw shape_error("model/gs",
                      std::to_string(n) + " neurons x " + std::to_string(sources) + " sources",
                      "every neuron is a source");
  expect(c.gs, "gs", major::source, n, sources);
  if (c.gs.is_dense()) throw shape_error("model/gs", "a dense block", "CSR");
  struct part {
    const projection& p;
    const char* name;
    major rows;
  };
  for (const part& g : {part{c.gx_excitatory, "gx_excitatory", major::source},
                        part{c.gx_inhibitory, "gx_inhibitory", major::source},
                        part{c.gy_excitatory, "gy_excitatory", major::target},
                        part{c.gy_inhibitory, "gy_inhibitory", major::target}}) {
    expect(g.p, g.name, g.rows, sources, n);
    if (g.p.is_dense()) throw shape_error("model/" + std::string(g.name), "a dense block", "CSR");
    expect_not_negative(g.p, g.name);
  }
  expect_not_negative(c.gs, "gs");
  if (!c.retention.empty() && c.retention.size() != c.gs.edges())
    throw shape_error("model/retention", std::to_string(c.retention.size()) + " values",
                      std::to_string(c.gs.edges()) + ", one for each synapse");
  if (const auto e = first_no_retention(c.retention))
    throw input_error("model/retention[" + std::to_string(*e) + "]", shown(c.retention[*e]),
                      "0 < u <= 1");
  if (sources == n) {
    expect(c.sensory, "sensory", major::source, c.sensory.source().size, n);
    if (c.sensory.edges() == 0)
      throw shape_error("model/sensory", "no edges",
                        "edges token -> neuron, or nothing would ever be active");
    expect_not_negative(c.sensory, "sensory");
  }
  if (sources != n && c.sensory.edges() != 0)
    throw shape_error("model/sensory", "edges token -> neuron",
                      "none, where sensory nodes are sources themselves");
  if (sources != n && p.circuits.e.edges() == 0)
    throw shape_error("model/gs", std::to_string(sources) + " sources",
                      std::to_string(n) + ", the neurons, without a pool of hubs");
  const neuron_id vocabulary = sources == n ? c.sensory.source().size : sources - n;
  if (c.readout.edges() != 0) expect(c.readout, "readout", major::target, sources, vocabulary);
  check_pool(p, n, sources);
  if (p.rotation.present()) check_pairs(c);
}

// `order`: of the neurons in memory.
void check_order(const model_spec& p, neuron_id n) {
  const std::vector<neuron_id>& order = p.memory_order;
  if (order.empty()) return;
  if (!p.direct)
    throw unavailable_error("model/order", "an order of neurons",
                            "none, where circuits lead through hubs");
  if (order.size() != n)
    throw shape_error("model/order", std::to_string(order.size()) + " entries",
                      std::to_string(n) + " neurons");
  const neuron_id per_head = n / p.heads;
  std::vector<bool> seen(n);
  for (neuron_id k = 0; k < n; ++k) {
    const neuron_id first = k / per_head * per_head;
    const bool in_head = order[k] >= first && order[k] - first < per_head;
    const auto refuse = [&](const std::string& expected) {
      throw input_error("model/order[" + std::to_string(k) + "]", std::to_string(order[k]),
                        expected);
    };
    if (!in_head || seen[order[k]])
      refuse("each of " + std::to_string(first) + ".." + std::to_string(first + per_head - 1) +
             ", the neurons of the head, once");
    seen[order[k]] = true;
    if (!p.rotation.present()) continue;
    if (k % 2 == 0 ? order[k] % 2 != 0 : order[k] != order[k - 1] + 1)
      refuse("rotation pairs (2m, 2m + 1) side by side");
    if (order[k] - first != order[k - first])
      refuse("the order of the first head, whose frequencies all share");
  }
}

void check_original_ids(const model_spec& p, neuron_id n) {
  if (p.original_id.empty()) return;
  if (p.original_id.size() != n)
    throw shape_error("model/original_id", std::to_string(p.original_id.size()) + " entries",
                      std::to_string(n) + " neurons");
  std::unordered_set<neuron_id> seen;
  for (neuron_id i = 0; i < n; ++i)
    if (const neuron_id o = p.original_id[i]; !seen.insert(o).second)
      throw input_error("model/original_id[" + std::to_string(i) + "]",
                        std::to_string(o) + " again", "a number for each neuron alone");
}

void check_names(const model_spec& p, neuron_id n) {
  if (p.neuron_names.empty()) return;
  if (p.neuron_names.size() != n)
    throw shape_error("model/name", std::to_string(p.neuron_names.size()) + " names",
                      std::to_string(n) + ", one for each neuron");
  std::unordered_set<std::string_view> seen;
  for (neuron_id i = 0; i < n; ++i) {
    const std::string& name = p.neuron_names[i];
    const std::string place = "model/name[" + std::to_string(i) + "]";
    if (name.empty() || name.size() > 255 || name.find('\0') != std::string::npos)
      throw input_error(place, "a name of " + std::to_string(name.size()) + " bytes",
                        "1 to 255 bytes, none of them zero");
    if (!seen.insert(name).second)
      throw input_error(place, "'" + name + "' again", "a name for each neuron alone");
  }
}

// Of the tokenizer. Its contents are io/text's to check.
void check_definition(const model_spec& p) {
  constexpr std::size_t most = std::size_t{64} << 20;
  const std::size_t bytes = p.tokenizer_definition ? p.tokenizer_definition->size() : 0;
  const bool wanted = has_definition(p.tokens);
  if (bytes > most || (bytes != 0) != wanted)
    throw shape_error(
        "model/tokenizer",
        std::string(name(p.tokens)) + " with a definition of " + std::to_string(bytes) + " bytes",
        wanted ? "1 byte to 64 MiB" : "none");
}

}  // namespace

std::optional<edge_id> first_no_retention(const array<float>& retention) {
  constexpr std::size_t looked_at = std::size_t{1} << 20;
  for (std::size_t e = 0; e < retention.size(); ++e) {
    if (!(retention[e] > 0 && retention[e] <= 1)) return e;
    if ((e + 1) % looked_at == 0) retention.give_back(e + 1 - looked_at, e + 1);
  }
  retention.give_back(0, retention.size());
  return std::nullopt;
}

void check_model_spec(const model_spec& p) {
  if (p.direct)
    check_direct(p);
  else
    check_hubs(p.circuits);
  const neuron_id n = p.direct ? p.direct->gs.source().size : p.circuits.e.source().size;
  if (p.layers == 0 || p.layers > 1024)
    throw input_error("model/layers", std::to_string(p.layers), "1 to 1024");
  if (p.heads == 0 || n % p.heads != 0)
    throw shape_error("model/heads", std::to_string(p.heads),
                      "a divisor of the " + std::to_string(n) + " neurons");
  const bool given_graph = p.direct && p.circuits.e.edges() == 0;
  if (p.heads > 1 && !p.rules.heads() && !given_graph)
    throw unavailable_error(
        "model/heads", std::to_string(p.heads) + " heads with dynamics " + p.rules.name(), "1 head",
        "only gpu-release, and graphs with explicit edges, have several");
  if (p.rotation.present() && p.rotation.frequency().size() * 2 != n / p.heads)
    throw shape_error("model/rotation",
                      std::to_string(p.rotation.frequency().size()) + " frequencies",
                      "half of the " + std::to_string(n / p.heads) + " neurons of a head");
  if (!(p.retention > 0 && p.retention <= 1))
    throw input_error("model/retention", shown(p.retention), "0 < u <= 1");
  check_order(p, n);
  check_original_ids(p, n);
  check_names(p, n);
  check_definition(p);
  const neuron_id v = p.direct && p.direct->sensory.edges() != 0 ? p.direct->sensory.source().size
                                                                 : p.circuits.sensory.source().size;
  if (p.tokens == tokenizer::bytes && v != 256)
    throw shape_error("model/tokenizer", "bytes with a vocabulary of " + std::to_string(v), "256",
                      "use --tokenizer ids");
  if (p.tokens == tokenizer::byt5 && v < 259)
    throw shape_error("model/tokenizer", "byt5 with a vocabulary of " + std::to_string(v),
                      "at least 259", "use --tokenizer ids");
}

}  // namespace bdh
