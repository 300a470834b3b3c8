#include "io/graph/edge_order.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <span>
#include <utility>

#include <bdh/error.hpp>

namespace bdh::graph_formats {
namespace {

constexpr int bucket_bits = 8;  // fewer buckets than a TLB has pages
constexpr std::size_t buckets = std::size_t{1} << bucket_bits;
constexpr std::size_t few = 256;

// Objects, so that sorting, which is a large part of an import, has them in line.
constexpr auto by_target = [](const graph_edge& a, const graph_edge& b) {
  return a.target != b.target ? a.target < b.target : a.line < b.line;
};
constexpr auto ascending = [](const graph_edge& a, const graph_edge& b) {
  return a.source != b.source ? a.source < b.source : by_target(a, b);
};

// Sorts edges whose sources lie in the 2^bits from `first` on, without a second list: into buckets
// by source, each place taking the edge that belongs there until it is its own, and then each
// bucket.
void sort_edges(std::span<graph_edge> edges, neuron_id first, int bits) {
  if (bits == 0) return std::sort(edges.begin(), edges.end(), by_target);
  if (edges.size() <= few) return std::sort(edges.begin(), edges.end(), ascending);
  const int rest = std::max(0, bits - bucket_bits);
  const auto bucket = [&](const graph_edge& e) { return (e.source - first) >> rest; };
  std::array<std::size_t, buckets + 1> begin{};
  for (const graph_edge& e : edges) ++begin[bucket(e) + 1];
  for (std::size_t i = 0; i < buckets; ++i) begin[i + 1] += begin[i];
  std::array<std::size_t, buckets> next{};
  std::copy(begin.begin(), begin.end() - 1, next.begin());
  for (std::size_t b = 0; b < buckets; ++b)
    while (next[b] < begin[b + 1]) {
      graph_edge& here = edges[next[b]];
      if (const neuron_id own = bucket(here); own == b)
        ++next[b];
      else
        std::swap(here, edges[next[own]++]);
    }
  for (std::size_t b = 0; b < buckets; ++b)
    sort_edges(edges.subspan(begin[b], begin[b + 1] - begin[b]),
               first + static_cast<neuron_id>(b << rest), rest);
}

struct row_arrays {
  array<edge_id> indptr;
  array<neuron_id> indices;
  array<float> weights;

  explicit row_arrays(std::size_t rows) : indptr(rows + 1) {}
  // indptr holds the number of edges of row i at i + 1.
  void take_space() {
    for (std::size_t i = 1; i < indptr.size(); ++i) indptr[i] += indptr[i - 1];
    indices = array<neuron_id>(indptr[indptr.size() - 1]);
    weights = array<float>(indptr[indptr.size() - 1]);
  }
  projection done(const char* name, population source, population target, major rows) {
    return projection::sparse(name, std::move(source), std::move(target), rows, std::move(indptr),
                              std::move(indices), std::move(weights));
  }
};

// The ordered edges of the wanted sign; their weights without sign.
template <class Keep, class Weight>
projection selected(const char* name, population source, population target,
                    const std::vector<graph_edge>& edges, Keep keep, Weight weight) {
  row_arrays rows(source.size);
  for (const graph_edge& e : edges)
    if (keep(e)) ++rows.indptr[e.source + 1];
  rows.take_space();
  edge_id next = 0;
  for (const graph_edge& e : edges) {
    if (!keep(e)) continue;
    rows.indices[next] = e.target;
    rows.weights[next++] = weight(e);
  }
  return rows.done(name, std::move(source), std::move(target), major::source);
}

projection turned(const std::string& name, const projection& p) {
  row_arrays rows(p.columns());
  for (neuron_id column : p.indices()) ++rows.indptr[column + 1];
  rows.take_space();
  std::vector<edge_id> next(rows.indptr.begin(), rows.indptr.end() - 1);
  for (neuron_id r = 0; r < p.rows(); ++r)
    for (edge_id e = p.indptr()[r]; e < p.indptr()[r + 1]; ++e) {
      const edge_id to = next[p.indices()[e]]++;
      rows.indices[to] = r;
      rows.weights[to] = p.weight(e);
    }
  return rows.done(name.c_str(), p.source(), p.target(), major::target);
}

}  // namespace

void order_edges(edge_list& f) {
  std::vector<graph_edge>& edges = f.edges;
  if (!std::ranges::is_sorted(edges, ascending)) {
    neuron_id largest = 0;
    for (const graph_edge& e : edges) largest = std::max(largest, e.source);
    sort_edges(edges, 0, std::bit_width(largest));
  }
  const auto twice = std::ranges::adjacent_find(edges, [](const auto& a, const auto& b) {
    return a.source == b.source && a.target == b.target;
  });
  if (twice != edges.end())
    throw input_error(f.place(twice[1].line), "an edge again that is in " + f.place(twice->line),
                      "each edge once");
}

const graph_edge* find_edge(const std::vector<graph_edge>& ordered, neuron_id source,
                            neuron_id target) {
  const auto found = std::ranges::lower_bound(ordered, graph_edge{source, target, 0, 0}, before);
  const bool same = found != ordered.end() && found->source == source && found->target == target;
  return same ? &*found : nullptr;
}

edge_id add_partners(std::vector<graph_edge>& edges) {
  std::vector<graph_edge> added;
  for (const graph_edge& e : edges)
    if (!find_edge(edges, e.source ^ 1u, e.target))
      added.push_back({e.source ^ 1u, e.target, 0.0f, e.line});
  edges.insert(edges.end(), added.begin(), added.end());
  std::ranges::sort(edges, before);
  return added.size();
}

projection edges_by_source(const char* name, population source, population target,
                           const std::vector<graph_edge>& edges) {
  return selected(
      name, std::move(source), std::move(target), edges, [](const graph_edge&) { return true; },
      [](const graph_edge& e) { return e.weight; });
}

signed_edges make_circuit(const std::string& name, neuron_id n,
                          const std::vector<graph_edge>& edges) {
  const population sources{"sources", n}, neurons{"neurons", n};
  const auto magnitude = [](const graph_edge& e) { return std::abs(e.weight); };
  return {selected((name + "_excitatory").c_str(), sources, neurons, edges,
                   [](const graph_edge& e) { return !std::signbit(e.weight); }, magnitude),
          selected((name + "_inhibitory").c_str(), sources, neurons, edges,
                   [](const graph_edge& e) { return std::signbit(e.weight); }, magnitude)};
}

signed_edges by_target(const std::string& name, const signed_edges& c) {
  return {turned(name + "_excitatory", c.excitatory), turned(name + "_inhibitory", c.inhibitory)};
}

projection synapses_along(const signed_edges& c) {
  const projection &a = c.excitatory, &b = c.inhibitory;
  const neuron_id n = a.source().size;
  row_arrays rows(n);
  for (neuron_id i = 0; i < n; ++i)
    rows.indptr[i + 1] = a.indptr()[i + 1] - a.indptr()[i] + b.indptr()[i + 1] - b.indptr()[i];
  rows.take_space();
  std::ranges::fill(rows.weights, 1.0f);
  for (neuron_id i = 0; i < n; ++i) {
    const auto row = [i](const projection& p) {
      return p.indices().subspan(p.indptr()[i], p.indptr()[i + 1] - p.indptr()[i]);
    };
    std::ranges::merge(row(a), row(b), rows.indices.begin() + rows.indptr[i]);
  }
  return rows.done("gs", {"neurons", n}, {"sources", n}, major::source);
}

}  // namespace bdh::graph_formats
