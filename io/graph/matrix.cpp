#include "io/graph/matrix.hpp"

#include <bdh/error.hpp>

#include "io/graph/graph_ids.hpp"

namespace bdh::graph_formats {

void check_shape(std::uint64_t rows, std::uint64_t columns, std::uint64_t file_bytes,
                 const std::string& place, const edge_list& list) {
  const std::uint64_t most = most_nodes(file_bytes);
  for (const std::uint64_t n : {rows, columns})
    if (n == 0 || n > most)
      throw input_error(place, std::to_string(n) + " rows or columns",
                        "1 to " + std::to_string(most));
  if (list.one_population && rows != columns)
    throw shape_error(place, std::to_string(rows) + " x " + std::to_string(columns),
                      "as many rows as columns: both are neurons");
}

void take_sizes(std::uint64_t rows, std::uint64_t columns, edge_list& to) {
  (to.one_population ? to.source : to.target).size = static_cast<neuron_id>(rows);
  to.source.size = static_cast<neuron_id>(columns);
}

void take_matrix(const compressed_matrix& m, edge_list& to) {
  const std::uint64_t lines = m.by_columns ? m.columns : m.rows, edges = m.weight.size();
  if (edges > most_lines)
    throw unavailable_error(to.values_at, std::to_string(edges) + " edges",
                            "at most " + std::to_string(most_lines));
  take_sizes(m.rows, m.columns, to);
  if (m.first[0] != 0 || m.first[lines] != edges)
    throw input_error(m.first_place,
                      std::to_string(m.first[0]) + " to " + std::to_string(m.first[lines]),
                      "0 to " + std::to_string(edges));
  to.edges.reserve(edges);
  for (std::uint64_t r = 0; r < lines; ++r) {
    if (m.first[r + 1] < m.first[r] || m.first[r + 1] > edges)
      throw input_error(m.first_place + "[" + std::to_string(r + 1) + "]",
                        std::to_string(m.first[r + 1]), "at least " + std::to_string(m.first[r]));
    for (std::uint64_t e = m.first[r]; e < m.first[r + 1]; ++e) {
      const auto line = static_cast<neuron_id>(r), other = static_cast<neuron_id>(m.position[e]);
      to.edges.push_back({m.by_columns ? line : other, m.by_columns ? other : line, m.weight[e],
                          static_cast<std::uint32_t>(e)});
    }
  }
}

}  // namespace bdh::graph_formats
