#include "graph/combine.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace bdh {
namespace {

// The numbers of a part's rows, or of its columns, in the combination.
std::span<const neuron_id> rows_of(const placement& p, major rows) {
  return rows == major::source ? p.source : p.target;
}
std::span<const neuron_id> columns_of(const placement& p, major rows) {
  return rows == major::source ? p.target : p.source;
}

// use(row, column, weight) for every edge that has a place; row by row, the columns of a row
// ascending in the part's own numbers.
template <class Use>
void for_each_edge(const placement& p, major rows, Use use) {
  const projection& g = *p.edges;
  const bool turned = g.rows_are() != rows;
  const auto row_places = rows_of(p, g.rows_are()), column_places = columns_of(p, g.rows_are());
  for (neuron_id r = 0; r < g.rows(); ++r) {
    if (row_places[r] == nowhere) continue;
    const edge_id first = g.is_dense() ? edge_id{r} * g.columns() : g.indptr()[r];
    const edge_id last = g.is_dense() ? first + g.columns() : g.indptr()[r + 1];
    for (edge_id e = first; e < last; ++e) {
      const neuron_id column = column_places[g.is_dense() ? e - first : g.indices()[e]];
      if (column == nowhere) continue;
      const float weight = g.weight(e) * p.factor;
      turned ? use(column, row_places[r], weight) : use(row_places[r], column, weight);
    }
  }
}

projection dense(std::string name, population source, population target, major rows,
                 std::span<const placement> parts) {
  const std::size_t columns = rows == major::source ? target.size : source.size;
  array<float> weights(std::size_t{source.size} * target.size);
  // What leaves the bits of any weight as they are when it is added.
  std::fill(weights.begin(), weights.end(), -0.0f);
  for (const placement& p : parts)
    for_each_edge(p, rows,
                  [&](neuron_id r, neuron_id c, float w) { weights[r * columns + c] += w; });
  return projection::dense(std::move(name), std::move(source), std::move(target), rows,
                           std::move(weights));
}

struct entry {
  neuron_id column;
  float weight;
};

projection sparse(std::string name, population source, population target, major rows,
                  std::span<const placement> parts) {
  const neuron_id size = rows == major::source ? source.size : target.size;
  array<edge_id> indptr(std::size_t{size} + 1);
  for (const placement& p : parts)
    for_each_edge(p, rows, [&](neuron_id r, neuron_id, float) { ++indptr[r + 1]; });
  for (std::size_t r = 0; r < size; ++r) indptr[r + 1] += indptr[r];
  std::vector<entry> entries(indptr[size]);
  std::vector<edge_id> next(indptr.begin(), indptr.end() - 1);
  for (const placement& p : parts)
    for_each_edge(p, rows, [&](neuron_id r, neuron_id c, float w) { entries[next[r]++] = {c, w}; });
  // Row by row into order, equal columns into one.
  edge_id kept = 0;
  for (std::size_t r = 0; r < size; ++r) {
    const auto first = entries.begin() + static_cast<std::ptrdiff_t>(indptr[r]),
               last = entries.begin() + static_cast<std::ptrdiff_t>(next[r]);
    std::stable_sort(first, last,
                     [](const entry& a, const entry& b) { return a.column < b.column; });
    indptr[r] = kept;
    for (auto e = first; e != last; ++e)
      if (kept != indptr[r] && entries[kept - 1].column == e->column)
        entries[kept - 1].weight += e->weight;
      else
        entries[kept++] = *e;
  }
  indptr[size] = kept;
  array<neuron_id> indices(kept);
  array<float> weights(kept);
  for (edge_id e = 0; e < kept; ++e) {
    indices[e] = entries[e].column;
    weights[e] = entries[e].weight;
  }
  return projection::sparse(std::move(name), std::move(source), std::move(target), rows,
                            std::move(indptr), std::move(indices), std::move(weights));
}

}  // namespace

projection combined(std::string name, population source, population target, major rows,
                    std::span<const placement> parts) {
  const bool all_dense =
      std::ranges::all_of(parts, [](const placement& p) { return p.edges->is_dense(); });
  return (all_dense ? dense : sparse)(std::move(name), std::move(source), std::move(target), rows,
                                      parts);
}

}  // namespace bdh
