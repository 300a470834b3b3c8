#include "io/graph/graph_export.hpp"

#include <algorithm>
#include <optional>
#include <unordered_set>

#include <bdh/error.hpp>

#include "core/base/utf8.hpp"
#include "io/files/atomic_file.hpp"
#include "io/files/error_context.hpp"
#include "io/graph/graph_export_detail.hpp"

namespace bdh {
namespace graph_formats {

bool is_plain(std::string_view name) {
  const auto controls = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  // U+FFFE and U+FFFF are no characters.
  return is_utf8(name) && std::ranges::none_of(name, controls) &&
         name.find("\xef\xbf\xbe") == name.npos && name.find("\xef\xbf\xbf") == name.npos;
}

namespace {

std::string escaped(std::string_view name) {
  std::string text;
  for (unsigned char c : name) {
    if (c == '\\')
      text += "\\\\";
    else if (c < 0x20 || c >= 0x7f)
      text += fmt::format("\\x{:02x}", c);
    else
      text += static_cast<char>(c);
  }
  return text;
}

// Names stay as they are where all are plain; else all are escaped, so that no two become one.
std::vector<std::string> labels_of(const subgraph& g) {
  const model& m = g.model();
  const auto& names = m.neuron_names();
  const bool plain = std::ranges::all_of(names, is_plain);
  std::vector<std::string> labels;
  for (const std::string& name : names) labels.push_back(plain ? name : escaped(name));
  for (auto i = static_cast<neuron_id>(names.size()); i < m.neurons(); ++i)
    labels.push_back(std::to_string(i));
  for (neuron_id i = m.neurons(); i < g.size(); ++i) {
    labels.push_back("token:" + std::to_string(i - m.neurons()));
    if (m.neuron_named(labels.back()))
      throw input_error("neuron '" + labels.back() + "'", "the name of a sensory node",
                        "another name", "export without sensory nodes");
  }
  return labels;
}

std::string described(const subgraph& g, const std::string& about) {
  const subgraph_request& r = g.request();
  constexpr const char *symbols[] = {"Gx", "Gy", "Gs", "sigma"},
                       *contents[] = {"weights of the circuit, inhibitory below 0",
                                      "weights of the circuit, inhibitory below 0",
                                      "plasticity rates of synapses",
                                      "strengths of synapses between neurons"};
  const auto graph = static_cast<std::size_t>(r.graph);
  std::string text = fmt::format("{} of {}: {}", symbols[graph], about, contents[graph]);
  text += "; edges lead source -> target";
  if (r.ego)
    text += fmt::format("; within {} hop{} of neuron {}", r.hops, r.hops == 1 ? "" : "s", *r.ego);
  if (r.least > 0) text += fmt::format("; |weight| at least {}", r.least);
  if (r.top) text += fmt::format("; the {} of largest |weight|", *r.top);
  return text;
}

}  // namespace

exported_graph::exported_graph(const subgraph& graph, const std::string& about)
    : what(graph), description(described(graph, about)), labels(labels_of(graph)) {
  if (!is_plain(description)) description = escaped(description);
}

std::string id_of(const subgraph& g, const subgraph_edge& e) {
  return fmt::format("{}/{}", g.projection_of(e), e.id);
}

std::string shown_weight(float weight) {
  const float size = std::abs(weight);
  if (size >= 0x1p24f && size < 0x1p53f) return fmt::format("{:.0f}", weight);
  return fmt::format("{:.9g}", weight);
}

}  // namespace graph_formats

namespace {

struct known_format {
  graph_format format;
  const char* name;
  const char* suffix;  // of a file; nullptr: a folder
};

constexpr known_format formats[] = {{graph_format::graphml, "graphml", ".graphml"},
                                    {graph_format::gexf, "gexf", ".gexf"},
                                    {graph_format::csv, "csv", ".csv"},
                                    {graph_format::matrix_market, "matrix-market", ".mtx"},
                                    {graph_format::npz, "npz", ".npz"},
                                    {graph_format::sonata, "sonata", nullptr},
                                    {graph_format::nest, "nest", nullptr}};

const known_format& known(graph_format f) noexcept {
  return *std::ranges::find(formats, f, &known_format::format);
}

// The nodes beside the edges.
std::filesystem::path nodes_file(std::filesystem::path edges) {
  return edges.replace_extension(".nodes.csv");
}

using writer = void (*)(const graph_formats::exported_graph&, const std::filesystem::path&);

void write_file(const graph_formats::exported_graph& g, writer write, atomic_file& whole,
                const std::filesystem::path& target) {
  with_file_name(whole.temporary().string(), target.string(), [&] { write(g, whole.temporary()); });
}

void write_pair(const graph_formats::exported_graph& g, const std::filesystem::path& target,
                bool overwrite) {
  atomic_file edges(target, overwrite), nodes(nodes_file(target), overwrite);
  write_file(g, graph_formats::write_csv_edges, edges, target);
  write_file(g, graph_formats::write_csv_nodes, nodes, nodes_file(target));
  nodes.publish();
  edges.publish();
}

}  // namespace

const char* name(graph_format f) noexcept { return known(f).name; }
bool is_folder(graph_format f) noexcept { return known(f).suffix == nullptr; }

std::optional<graph_format> graph_format_named(std::string_view text) noexcept {
  for (const known_format& f : formats)
    if (text == f.name) return f.format;
  return std::nullopt;
}

std::optional<graph_format> graph_format_of(const std::filesystem::path& file) noexcept {
  for (const known_format& f : formats)
    if (f.suffix != nullptr && file.extension() == f.suffix) return f.format;
  return std::nullopt;
}

void check_export_target(graph_format format, const std::filesystem::path& target, bool overwrite) {
  if (is_folder(format)) {
    const atomic_folder whole(target);
    return;
  }
  const atomic_file whole(target, overwrite);
  if (format == graph_format::csv) const atomic_file nodes(nodes_file(target), overwrite);
}

namespace {

auto file_writer(graph_format format) {
  switch (format) {
    case graph_format::graphml:
      return graph_formats::write_graphml;
    case graph_format::gexf:
      return graph_formats::write_gexf;
    case graph_format::matrix_market:
      return graph_formats::write_matrix_market;
    default:
      return graph_formats::write_npz;
  }
}

}  // namespace

std::vector<std::string> not_held(const subgraph& graph, graph_format format) {
  std::vector<std::string> all;
  const model& m = graph.model();
  const bool plain = std::ranges::all_of(m.neuron_names(), graph_formats::is_plain);
  if (format == graph_format::matrix_market && !m.neuron_names().empty())
    all.emplace_back("names of neurons");
  else if (!plain)
    all.emplace_back("names of neurons as they are, for they have to be escaped");
  std::optional<subgraph_edge> last;
  bool both_signs = false;
  graph.for_each_edge([&](const subgraph_edge& e) {
    both_signs = both_signs || (last && last->source == e.source && last->target == e.target);
    last = e;
  });
  if (both_signs)
    all.emplace_back("an excitatory and an inhibitory edge between the same two neurons as two");
  if (m.renumbered()) all.emplace_back("numbers of neurons in the checkpoint");
  if (!m.memory_order().empty()) all.emplace_back("the order of neurons in memory");
  return all;
}

void export_graph(const subgraph& graph, graph_format format, const std::filesystem::path& target,
                  const export_options& options) {
  const graph_formats::exported_graph g(graph, options.about);
  if (format == graph_format::csv) return write_pair(g, target, options.overwrite);
  if (is_folder(format)) {
    atomic_folder whole(target);
    with_file_name(whole.temporary().string(), target.string(), [&] {
      graph_formats::write_sonata(g, whole.temporary(), format == graph_format::nest);
    });
    return whole.publish();
  }
  atomic_file whole(target, options.overwrite);
  write_file(g, file_writer(format), whole, target);
  whole.publish();
}

}  // namespace bdh
