// Two tables, with the headers that Gephi knows.
#include "io/graph/graph_export_detail.hpp"

namespace bdh::graph_formats {
namespace {

std::string field(const std::string& text) {
  std::string quoted = "\"";
  for (char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

}  // namespace

void write_csv_edges(const exported_graph& g, const std::filesystem::path& to) {
  text_output out(to);
  out.add("Source,Target,Type,Id,Weight,Sign,Magnitude\n");
  std::vector<std::string> nodes;
  for (const std::string& label : g.labels) nodes.push_back(field(label));
  g.what.for_each_edge([&](const subgraph_edge& e) {
    out.add("{},{},Directed,{},{},{},{}\n", nodes[e.source], nodes[e.target], id_of(g.what, e),
            shown_weight(e.weight), sign_of(e), shown_weight(std::abs(e.weight)));
  });
  out.close();
}

void write_csv_nodes(const exported_graph& g, const std::filesystem::path& to) {
  text_output out(to);
  // A name is its own column: without it, neurons have numbers (io/graph/exported_nodes.hpp).
  const bool named = !g.what.model().neuron_names().empty();
  out.add("Id,Label,Number,Kind,Head,Original{}{}\n", g.has_communities() ? ",Community" : "",
          named ? ",Name" : "");
  const model& m = g.what.model();
  for (neuron_id i : g.what.nodes()) {
    const std::string label = field(g.labels[i]);
    if (g.is_sensory(i))
      out.add("{},{},{},sensory,,", label, label, i);
    else
      out.add("{},{},{},neuron,{},{}", label, label, i, i / m.neurons_per_head(), m.original_id(i));
    if (g.has_communities()) out.add(",{}", g.what.community()[i]);
    if (named) out.add(",{}", g.is_sensory(i) ? "" : label);
    out.add("\n");
  }
  out.close();
}

}  // namespace bdh::graph_formats
