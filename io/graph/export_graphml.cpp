#include <algorithm>

#include "io/files/xml_text.hpp"
#include "io/graph/graph_export_detail.hpp"

namespace bdh::graph_formats {

void write_graphml(const exported_graph& g, const std::filesystem::path& to) {
  text_output out(to);
  out.add(R"(<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
)");
  const auto key = [&](const char* of, const char* name, const char* type) {
    out.add("<key id=\"{0}\" for=\"{1}\" attr.name=\"{0}\" attr.type=\"{2}\"/>\n", name, of, type);
  };
  key("node", "name", "string");
  key("node", "number", "long");
  key("node", "kind", "string");
  key("node", "head", "long");
  key("node", "original", "long");
  if (g.has_communities()) key("node", "community", "long");
  const bool whole = g.what.nodes().size() == g.neurons() && g.what.size() == g.neurons();
  if (whole) {
    key("graph", "bdh.ids", "string");
    key("graph", "bdh.neurons", "long");
  }
  key("edge", "weight", "double");
  key("edge", "type", "string");
  out.add("<graph id=\"{}\" edgedefault=\"directed\">\n<desc>{}</desc>\n",
          name(g.what.request().graph), xml_escaped(g.description));
  const model& m = g.what.model();
  // Of a whole model: whether neurons have names, so that an import is the same model.
  if (whole)
    out.add("<data key=\"bdh.ids\">{}</data><data key=\"bdh.neurons\">{}</data>\n",
            m.neuron_names().empty() ? "numbers" : "names", g.neurons());
  for (neuron_id i : g.what.nodes()) {
    out.add("<node id=\"n{0}\"><data key=\"name\">{1}</data><data key=\"number\">{0}</data>", i,
            xml_escaped(g.labels[i]));
    if (g.is_sensory(i))
      out.add("<data key=\"kind\">sensory</data>");
    else
      out.add(
          "<data key=\"kind\">neuron</data><data key=\"head\">{}</data><data "
          "key=\"original\">{}</data>",
          i / m.neurons_per_head(), m.original_id(i));
    if (g.has_communities()) out.add("<data key=\"community\">{}</data>", g.what.community()[i]);
    out.add("</node>\n");
  }
  g.what.for_each_edge([&](const subgraph_edge& e) {
    std::string id = id_of(g.what, e);
    std::replace(id.begin(), id.end(), '/', '.');  // the schema of GraphML wants an NMTOKEN
    out.add(
        "<edge id=\"{}\" source=\"n{}\" target=\"n{}\"><data key=\"weight\">{}</data><data "
        "key=\"type\">{}</data></edge>\n",
        id, e.source, e.target, shown_weight(e.weight), sign_of(e));
  });
  out.add("</graph>\n</graphml>\n");
  out.close();
}

}  // namespace bdh::graph_formats
