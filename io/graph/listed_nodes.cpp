#include "io/graph/listed_nodes.hpp"

#include <vector>

namespace bdh::graph_formats {

bool number_listed(name_table& ids, bool numbers, std::uint64_t file_bytes, edge_list& to) {
  const neuron_id size = ids.size();
  const bool from_0 = to.how.ids == node_ids::found || to.how.ids == node_ids::from_0;
  std::vector<neuron_id> number;
  for (neuron_id i = 0; numbers && from_0 && i < size; ++i) {
    const auto id = canonical_number(ids.name(i));
    if (!id || *id >= size) break;
    number.push_back(static_cast<neuron_id>(*id));
  }
  if (size == 0 || number.size() != size) {
    to.source.names = ids.take();
    take_numbers(to, file_bytes);
    return false;
  }
  for (graph_edge& e : to.edges) {
    e.source = number[e.source];
    e.target = number[e.target];
  }
  to.source.size = size;
  return true;
}

}  // namespace bdh::graph_formats
