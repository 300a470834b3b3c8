// Node-link data of NetworkX in JSON.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <bdh/error.hpp>

#include "io/graph/graph_file_detail.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  bdh::edge_list list;
  list.file = "fuzz";
  try {
    bdh::graph_formats::read_node_link({reinterpret_cast<const char*>(data), size}, list);
    const std::size_t nodes = list.source.size.value_or(list.source.names.size());
    for (const bdh::graph_edge& e : list.edges)
      if (e.source >= nodes || e.target >= nodes) std::abort();
  } catch (const bdh::error&) {
    // Refused with a message, as it should be.
  }
  return 0;
}
