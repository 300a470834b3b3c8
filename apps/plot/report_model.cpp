// The page of a model that need not have run: its facts, and the pictures of its graphs.
#include "apps/plot/report_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "apps/models/describe_model.hpp"
#include "apps/plot/figure/text.hpp"
#include "apps/plot/model_figures.hpp"
#include "apps/plot/model_graph.hpp"
#include "core/base/version.hpp"

namespace bdh::app {
namespace {

constexpr double most_weights = 67'108'864;  // of a graph whose pictures are drawn: 8192 x 8192

// `bdh info`: each line a word or two in 16 columns, then what it is.
std::string facts_of(const model& m) {
  std::string html = "<table>\n<caption>What `bdh info` says</caption>\n", text = model_text(m);
  const auto trimmed = [](std::string part) {
    part.erase(part.find_last_not_of(' ') + 1);
    return part;
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    const std::size_t column = std::min<std::size_t>(line.size(), 16);
    html += "<tr><th scope=\"row\">" + figure::escaped(trimmed(line.substr(0, column))) +
            "</th><td>" + figure::escaped(line.substr(column)) + "</td></tr>\n";
    at = end + 1;
  }
  return html + "<tr><th scope=\"row\">page</th><td>made by " + figure::escaped(creator()) +
         "</td></tr>\n</table>\n";
}

// That a figure of one graph reads: every pair of neurons through hubs.
double weights_of_graph(const model& m, const std::string& graph) {
  if (!m.is_direct()) return static_cast<double>(m.neurons()) * m.neurons();
  const direct_circuits& d = m.direct();
  return static_cast<double>(graph == "gx" ? d.gx_excitatory.edges() + d.gx_inhibitory.edges()
                                           : d.gy_excitatory.edges() + d.gy_inhibitory.edges());
}

class model_page {
 public:
  model_page(const model& m, std::string name) : m_(m), name_(std::move(name)) {
    choice_.threads = std::max(1u, std::thread::hardware_concurrency());
  }

  page made() const {
    page p;
    p.title = "Model " + name_;
    p.summary = fmt::format(
        "{} in {}, {}; {}.", counted(m_.neurons(), "neuron"), counted(m_.heads(), "head"),
        counted(m_.layers(), "layer"),
        m_.is_direct() ? "explicit edges" : counted(m_.hubs(), "hub") + " between them");
    p.sections.push_back({"facts", "Facts", facts_of(m_)});
    p.sections.push_back({"weights", "Weights", weights()});
    p.sections.push_back(
        each("degrees", "Degrees", "degree", "Who has how many edges in", degrees_of));
    p.sections.push_back(each("matrix", "Matrix", "matrix", "From whom to whom in", matrix));
    p.sections.push_back(each("modularity", "Modularity", "modularity",
                              "How modular are the strongest edges of", modularity));
    p.sections.push_back(
        each("graph", "Hubs of the graph", "graph", "The neurons with the most edges in", hubs));
    p.data = R"({"first":0,"tokens":[],"surprisal":[],"generated":[],"x":[],"y":[]})";
    return p;
  }

 private:
  using drawer = figure::picture (*)(const model&, const std::string&, const graph_choice&);

  static figure::picture matrix(const model& m, const std::string& name, const graph_choice& g) {
    figure::picture p = matrix_of(m, name, g, false, {});
    p.what.panel_height = 700;
    return p;
  }
  static figure::picture modularity(const model& m, const std::string& name,
                                    const graph_choice& g) {
    return modularity_of(m, name, g, {.most_edges = 200000});
  }
  static figure::picture hubs(const model& m, const std::string& name, const graph_choice& g) {
    return neighbourhood_of(m, name, g, {}, {});
  }

  std::string weights() const {
    if (too_large("gx") || too_large("gy")) return left_out("weights");
    graph_choice all = choice_;
    all.graph = "all";
    return figure_html([&] { return weights_of(m_, name_, all); },
                       "How many edges have which weight.");
  }

  bool too_large(const std::string& graph) const {
    return weights_of_graph(m_, graph) > most_weights;
  }
  static std::string left_out(const std::string& kind) {
    return "<p>bdh plot " + kind + " MODEL draws that of a model of this size.</p>\n";
  }

  page_section each(const std::string& id, const std::string& heading, const std::string& kind,
                    const std::string& caption, drawer draw) const {
    page_section s{id, heading, {}};
    for (const char* graph : {"gx", "gy"}) {
      if (too_large(graph)) {
        s.body = left_out(kind);
        break;
      }
      graph_choice one = choice_;
      one.graph = graph;
      s.body +=
          figure_html([&] { return draw(m_, name_, one); }, fmt::format("{} {}.", caption, graph));
    }
    return s;
  }

  const model& m_;
  std::string name_;
  graph_choice choice_;
};

}  // namespace

page page_of_model(const model& m, const std::string& name) { return model_page(m, name).made(); }

}  // namespace bdh::app
