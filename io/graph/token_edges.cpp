#include "io/graph/token_edges.hpp"

#include <algorithm>

#include <bdh/error.hpp>

#include "core/model/random_sensory.hpp"
#include "io/graph/edge_order.hpp"
#include "io/graph/graph_file_detail.hpp"

namespace bdh::graph_formats {
namespace {

struct random_choice {
  std::uint64_t each, seed;  // neurons that a token excites
};

std::optional<random_choice> parse_random(const std::string& text, neuron_id n) {
  if (text.empty()) return random_choice{std::max<neuron_id>(1, n / 20), 0};
  if (!text.starts_with("random:")) return std::nullopt;
  const std::string_view rest = std::string_view(text).substr(7);
  const std::size_t at = rest.find('@');
  const auto each = whole_number(rest.substr(0, at)),
             seed = at == rest.npos ? std::nullopt : whole_number(rest.substr(at + 1));
  if (!each || !seed || *each < 1 || *each > n)
    throw input_error("--sensory", "'" + text + "'",
                      "random:K@SEED with K from 1 to " + std::to_string(n) +
                          " and a seed below 2^64, or a file");
  return random_choice{*each, *seed};
}

// How many tokens a file has. A list of numbered nodes states only the largest that it uses.
neuron_id tokens_in(const edge_list& f, const graph_nodes& nodes, neuron_id graph_edge::*end,
                    std::optional<neuron_id> wanted) {
  if (!nodes.names.empty())
    throw input_error(f.file, "token '" + nodes.names.front() + "'", "token ids, 0, 1, 2, ...");
  if (nodes.size && wanted && *nodes.size != *wanted)
    throw shape_error(f.file, std::to_string(*nodes.size) + " tokens",
                      std::to_string(*wanted) + ", the vocabulary");
  const neuron_id size = nodes.size.value_or(wanted.value_or(default_vocabulary));
  for (const graph_edge& e : f.edges)
    if (e.*end >= size)
      throw input_error(f.place(e.line), "token " + std::to_string(e.*end),
                        "below " + std::to_string(size) + ", the vocabulary",
                        "--vocabulary sets it");
  return size;
}

}  // namespace

void expect_not_negative(const edge_list& f, const char* what) {
  for (const graph_edge& e : f.edges)
    if (e.weight < 0)
      throw input_error(f.place(e.line), std::string(what) + " " + std::to_string(e.weight),
                        "0 or more");
}

void add_report(edge_list& to, const edge_list& from) {
  to.remarks.insert(to.remarks.end(), from.remarks.begin(), from.remarks.end());
  to.not_used.insert(to.not_used.end(), from.not_used.begin(), from.not_used.end());
  column_choice& none = to.choices_not_found;
  if (!from.choices_not_found.source) none.source.reset();
  if (!from.choices_not_found.target) none.target.reset();
  if (!from.choices_not_found.weight) none.weight.reset();
  if (!from.choices_not_found.sign) none.sign.reset();
}

projection read_sensory(const graph_import_options& o, const neuron_register& neurons,
                        edge_list& report) {
  const neuron_id n = neurons.size();
  if (const auto random = parse_random(o.sensory, n))
    return random_sensory(random->each, random->seed, o.vocabulary.value_or(default_vocabulary), n);
  graph_reading how = o.reading;
  how.ends = edge_ends::tokens_to_neurons;
  edge_list f = read_graph_file(o.sensory, how);
  const neuron_id tokens = tokens_in(f, f.sources(), &graph_edge::source, o.vocabulary);
  neurons.renumber(f, f.targets(), &graph_edge::target);
  expect_not_negative(f, "sensory weight");
  order_edges(f);
  add_report(report, f);
  return edges_by_source("sensory", {"sensory", tokens}, {"neurons", n}, f.edges);
}

projection read_readout(const graph_import_options& o, const neuron_register& neurons,
                        neuron_id tokens, edge_list& report) {
  graph_reading how = o.reading;
  how.ends = edge_ends::neurons_to_tokens;
  edge_list f = read_graph_file(*o.readout, how);
  tokens_in(f, f.targets(), &graph_edge::target, tokens);
  neurons.renumber(f, f.sources(), &graph_edge::source);
  order_edges(f);
  if (f.edges.empty()) throw input_error(f.file, "no edges", "edges neuron -> token");
  add_report(report, f);
  return edges_by_source("readout", {"sources", neurons.size()}, {"readout", tokens}, f.edges)
      .transposed();
}

}  // namespace bdh::graph_formats
