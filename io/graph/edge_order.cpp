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
constexpr int digit_bits = 11;  // of a pass over edges that are near each other
// Lists of up to so many edges have a second one beside them, 8 MiB, while they are sorted.
constexpr std::size_t near = std::size_t{1} << 19;
constexpr std::size_t few = 512;

std::uint64_t key_of(const graph_edge& e) { return std::uint64_t{e.source} << 32 | e.target; }
constexpr auto by_key = [](const graph_edge& a, const graph_edge& b) {
  return key_of(a) < key_of(b);
};

// The bits of a source, and those of a target, in one number without a gap.
class edge_key {
 public:
  explicit edge_key(std::span<const graph_edge> edges) {
    neuron_id source = 0, target = 0;
    for (const graph_edge& e : edges) {
      source |= e.source;
      target |= e.target;
    }
    target_bits_ = std::bit_width(target);
    bits_ = target_bits_ + std::bit_width(source);
  }
  int bits() const noexcept { return bits_; }
  std::uint64_t operator()(const graph_edge& e) const noexcept {
    return std::uint64_t{e.source} << target_bits_ | e.target;
  }

 private:
  int target_bits_ = 0, bits_ = 0;
};

// Where each of the buckets begins, and the end of the last.
template <std::size_t Buckets, class Bucket>
std::array<std::size_t, Buckets + 1> bucket_bounds(std::span<const graph_edge> edges,
                                                   Bucket bucket) {
  std::array<std::size_t, Buckets + 1> begin{};
  for (const graph_edge& e : edges) ++begin[bucket(e) + 1];
  for (std::size_t i = 0; i < Buckets; ++i) begin[i + 1] += begin[i];
  return begin;
}

// Sorts by the last `bits` of the key, digit by digit from the last one: each pass brings all edges
// into the other list.
void sort_near(std::span<graph_edge> edges, std::vector<graph_edge>& other, const edge_key& key,
               int bits) {
  if (edges.size() <= few) return std::sort(edges.begin(), edges.end(), by_key);
  constexpr std::size_t digits = std::size_t{1} << digit_bits;
  other.resize(std::max(other.size(), edges.size()));
  std::span<graph_edge> from = edges, to = std::span(other).first(edges.size());
  const int passes = (bits + digit_bits - 1) / digit_bits;
  for (int pass = 0, shift = 0; pass < passes; ++pass) {
    const int width = (bits - shift + passes - pass - 1) / (passes - pass);
    const auto digit = [&](const graph_edge& e) {
      return static_cast<std::size_t>(key(e) >> shift) & ((std::size_t{1} << width) - 1);
    };
    auto next = bucket_bounds<digits>(from, digit);
    for (const graph_edge& e : from) to[next[digit(e)]++] = e;
    std::swap(from, to);
    shift += width;
  }
  if (from.data() != edges.data()) std::ranges::copy(from, edges.begin());
}

// Sorts edges whose keys differ in their last `bits` only: into buckets by the first of these bits,
// without a second list, each place taking the edge that belongs there until it is its own, and
// then each bucket.
void sort_edges(std::span<graph_edge> edges, std::vector<graph_edge>& other, const edge_key& key,
                int bits) {
  if (edges.size() <= near) return sort_near(edges, other, key, bits);
  if (bits == 0) return;
  constexpr std::size_t buckets = std::size_t{1} << bucket_bits;
  const int rest = std::max(0, bits - bucket_bits);
  const auto bucket = [&](const graph_edge& e) {
    return static_cast<std::size_t>(key(e) >> rest) & (buckets - 1);
  };
  const auto begin = bucket_bounds<buckets>(edges, bucket);
  std::array<std::size_t, buckets> next{};
  std::copy(begin.begin(), begin.end() - 1, next.begin());
  for (std::size_t b = 0; b < buckets; ++b)
    while (next[b] < begin[b + 1]) {
      graph_edge& here = edges[next[b]];
      if (const std::size_t own = bucket(here); own == b)
        ++next[b];
      else
        std::swap(here, edges[next[own]++]);
    }
  for (std::size_t b = 0; b < buckets; ++b)
    sort_edges(edges.subspan(begin[b], begin[b + 1] - begin[b]), other, key, rest);
}

// Of edges that are in the file twice, those of the first pair in order.
[[noreturn]] void fail_at_twice(const edge_list& f, const graph_edge& first) {
  std::vector<std::uint32_t> lines;
  for (const graph_edge& e : f.edges)
    if (key_of(e) == key_of(first)) lines.push_back(e.line);
  std::ranges::sort(lines);
  throw input_error(f.place(lines[1]), "an edge again that is in " + f.place(lines[0]),
                    "each edge once");
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
  for (const graph_edge& e : edges) rows.indptr[e.source + 1] += keep(e);
  rows.take_space();
  // Signs come as by chance: each edge is written, and stays where it is wanted.
  const edge_id wanted = rows.indices.size();
  edge_id next = 0;
  for (auto e = edges.begin(); next < wanted; ++e) {
    rows.indices[next] = e->target;
    rows.weights[next] = weight(*e);
    next += keep(*e);
  }
  return rows.done(name, std::move(source), std::move(target), major::source);
}

// A target's place is in memory that is far from the last one's: what is needed some edges later is
// fetched before.
projection turned(const std::string& name, const projection& p) {
  row_arrays rows(p.columns());
  const std::span<const neuron_id> columns = p.indices();
  for (const neuron_id column : columns) ++rows.indptr[column + 1];
  rows.take_space();
  std::vector<edge_id> next(rows.indptr.begin(), rows.indptr.end() - 1);
  constexpr edge_id soon = 16, later = 32;
  for (neuron_id r = 0; r < p.rows(); ++r)
    for (edge_id e = p.indptr()[r]; e < p.indptr()[r + 1]; ++e) {
      if (e + later < columns.size()) {
        __builtin_prefetch(&next[columns[e + later]], 1);
        const edge_id ahead = next[columns[e + soon]];
        __builtin_prefetch(rows.indices.data() + ahead, 1);
        __builtin_prefetch(rows.weights.data() + ahead, 1);
      }
      const edge_id to = next[columns[e]]++;
      rows.indices[to] = r;
      rows.weights[to] = p.weight(e);
    }
  return rows.done(name.c_str(), p.source(), p.target(), major::target);
}

}  // namespace

void order_edges(edge_list& f) {
  std::vector<graph_edge>& edges = f.edges;
  if (!std::ranges::is_sorted(edges, by_key)) {
    const edge_key key(edges);
    std::vector<graph_edge> other;
    sort_edges(edges, other, key, key.bits());
  }
  const auto twice = std::ranges::adjacent_find(
      edges, [](const auto& a, const auto& b) { return key_of(a) == key_of(b); });
  if (twice != edges.end()) fail_at_twice(f, *twice);
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
