#include "io/graph/graph_export_detail.hpp"

namespace bdh::graph_formats {

void write_matrix_market(const exported_graph& g, const std::filesystem::path& to) {
  text_output out(to);
  out.add(
      "%%MatrixMarket matrix coordinate real general\n% {}\n% row = target, column = source, from "
      "1\n{} {} {}\n",
      g.description, g.what.size(), g.what.size(), g.what.edges());
  g.what.for_each_edge([&](const subgraph_edge& e) {
    out.add("{} {} {}\n", e.target + 1, e.source + 1, shown_weight(e.weight));
  });
  out.close();
}

}  // namespace bdh::graph_formats
