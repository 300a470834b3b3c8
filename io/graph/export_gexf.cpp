#include "io/files/xml_text.hpp"
#include "io/graph/graph_export_detail.hpp"

namespace bdh::graph_formats {

// Version 1.2, which every reader knows.
void write_gexf(const exported_graph& g, const std::filesystem::path& to) {
  text_output out(to);
  out.add(R"(<?xml version="1.0" encoding="UTF-8"?>
<gexf xmlns="http://www.gexf.net/1.2draft" version="1.2">
<meta><creator>bdh</creator><keywords>bdh.ids={}</keywords><description>{}</description></meta>
<graph mode="static" defaultedgetype="directed">
<attributes class="node">
<attribute id="number" title="number" type="long"/>
<attribute id="kind" title="kind" type="string"/>
<attribute id="head" title="head" type="long"/>
<attribute id="original" title="original" type="long"/>
)",
          g.has_names() ? "names" : "numbers", xml_escaped(g.description));
  if (g.has_communities())
    out.add("<attribute id=\"community\" title=\"community\" type=\"long\"/>\n");
  out.add(R"(</attributes>
<attributes class="edge">
<attribute id="sign" title="sign" type="string"/>
<attribute id="magnitude" title="magnitude" type="double"/>
</attributes>
<nodes>
)");
  const model& m = g.what.model();
  for (neuron_id i : g.what.nodes()) {
    out.add("<node id=\"{0}\" label=\"{1}\"><attvalues><attvalue for=\"number\" value=\"{0}\"/>", i,
            xml_escaped(g.labels[i]));
    if (g.is_sensory(i))
      out.add("<attvalue for=\"kind\" value=\"sensory\"/>");
    else
      out.add(
          "<attvalue for=\"kind\" value=\"neuron\"/><attvalue for=\"head\" value=\"{}\"/><attvalue "
          "for=\"original\" value=\"{}\"/>",
          i / m.neurons_per_head(), m.original_id(i));
    if (g.has_communities())
      out.add("<attvalue for=\"community\" value=\"{}\"/>", g.what.community()[i]);
    out.add("</attvalues></node>\n");
  }
  out.add("</nodes>\n<edges>\n");
  g.what.for_each_edge([&](const subgraph_edge& e) {
    out.add(
        "<edge id=\"{}\" source=\"{}\" target=\"{}\" weight=\"{}\"><attvalues><attvalue "
        "for=\"sign\" value=\"{}\"/>"
        "<attvalue for=\"magnitude\" value=\"{}\"/></attvalues></edge>\n",
        id_of(g.what, e), e.source, e.target, shown_weight(e.weight), sign_of(e),
        shown_weight(std::abs(e.weight)));
  });
  out.add("</edges>\n</graph>\n</gexf>\n");
  out.close();
}

}  // namespace bdh::graph_formats
