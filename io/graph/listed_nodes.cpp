#include "io/graph/listed_nodes.hpp"

#include <algorithm>
#include <utility>

namespace bdh::graph_formats {

bool number_listed(std::vector<std::string> ids, bool numbers, std::uint64_t file_bytes,
                   edge_list& to) {
  const auto size = static_cast<neuron_id>(ids.size());
  const bool from_0 = to.how.ids == node_ids::found || to.how.ids == node_ids::from_0;
  const auto is_number = [](const std::string& id) { return canonical_number(id).has_value(); };
  std::vector<neuron_id> number;
  for (neuron_id i = 0; numbers && from_0 && i < size; ++i) {
    const auto id = canonical_number(ids[i]);
    if (!id || *id >= size) break;
    number.push_back(static_cast<neuron_id>(*id));
  }
  if (size == 0 || number.size() != size) {
    if (numbers && to.how.ids == node_ids::found && std::ranges::all_of(ids, is_number))
      to.remarks.push_back(to.file + ": ids of nodes are not 0 to " + std::to_string(size - 1) +
                           ", so that they are names");
    to.source.names = std::move(ids);
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
