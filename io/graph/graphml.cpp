// GraphML, element by element (io/files/xml.hpp). What a file says has one of four ends: it is
// used, it means nothing for a graph (descriptions, ids of edges, where a parser may hurry), it is
// in not_used by its name, or the file is refused.
#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <vector>

#include <bdh/error.hpp>

#include "io/files/xml.hpp"
#include "io/graph/edge_signs.hpp"
#include "io/graph/graph_file_detail.hpp"
#include "io/graph/graphml_keys.hpp"
#include "io/graph/graphml_nodes.hpp"

namespace bdh::graph_formats {
namespace {

using attributes = std::span<const xml_attribute>;

enum class element { graphml, key, key_default, graph, node, edge, data, ignored };

class graphml_reader final : public xml_handler {
 public:
  graphml_reader(edge_list& to, std::uint64_t file_bytes)
      : to_(to), file_bytes_(file_bytes), keys_(to), numbers_(to), signs_(to) {}

  void start(std::string_view name, attributes given, std::uint64_t line) override {
    line_ = line;
    open_.push_back(open_.empty() ? root(name) : child(name, given));
  }

  void end(std::string_view) override {
    const element e = open_.back();
    open_.pop_back();
    if (e == element::data || e == element::key_default) finish_text(e);
    if (e == element::node) nodes_.finish_node(node_);
    if (e == element::edge) finish_edge();
    if (e == element::key) keys_.finish();
  }

  void text(std::string_view characters) override {
    const element e = open_.empty() ? element::ignored : open_.back();
    if ((e != element::data && e != element::key_default) || text_.size() > longest_text) return;
    text_ += characters;
  }

  void foreign(std::string_view) override {}  // in data, whose key is in not_used

  // About as many edges as the file will have, by its first ones: a list that grows needs twice
  // the memory while it does.
  void progress(std::uint64_t bytes) override {
    constexpr std::size_t enough = 4096;
    const std::size_t edges = to_.edges.size();
    if (edges == 0) bytes_before_edges_ = bytes;
    if (reserved_ || edges < enough || bytes >= file_bytes_) return;
    reserved_ = true;
    const double each =
                     static_cast<double>(bytes - bytes_before_edges_) / static_cast<double>(edges),
                 rest = static_cast<double>(file_bytes_ - bytes) / each;
    reserve_edges(to_, static_cast<double>(edges) + rest);
  }

  void finish() {
    if (graphs_ == 0) throw input_error(to_.file, "no graph", "one");
    nodes_.finish(to_, keys_.has_names(), file_bytes_);
    keys_.finish_edges(to_.edges.size());
    numbers_.finish(to_);
    signs_.finish(to_);
    take_numbers(to_, file_bytes_);
  }

 private:
  static constexpr std::size_t longest_text = 4096;  // longer ones are no numbers and no names

  struct open_edge {
    neuron_id source = 0, target = 0;
    std::uint64_t line = 0;
    bool directed = true;
    std::optional<float> weight = {};
    std::optional<std::string> type = {}, sign = {};
  };

  [[noreturn]] void fail(const std::string& found, const std::string& expected,
                         const std::string& hint = {}) const {
    throw input_error(to_.place(line_), found, expected, hint);
  }

  element root(std::string_view name) const {
    if (name != "graphml") fail("'" + std::string(name) + "'", "the element graphml");
    return element::graphml;
  }

  element child(std::string_view name, attributes given) {
    switch (open_.back()) {
      case element::graphml:
        if (name == "key") return key(given);
        if (name == "graph") return graph(given);
        break;
      case element::key:
        if (name == "default") return begin_text(element::key_default);
        break;
      case element::graph:
        if (name == "node") return node(given);
        if (name == "edge") return edge(given);
        if (name == "hyperedge") fail("a hyperedge", "edges with one source and one target");
        break;
      case element::node:
      case element::edge:
        if (name == "graph")
          fail("a nested graph", "one graph whose nodes are neurons", "flatten it");
        if (name == "port") fail("a port", "edges between nodes, without ports");
        break;
      default:  // inside data, descriptions and what is not known
        return element::ignored;
    }
    if (name == "data") return data(given);
    if (name != "desc") keys_.not_used("element '" + std::string(name) + "'");
    return element::ignored;
  }

  static std::string_view value(attributes of, std::string_view name) {
    const auto found = std::ranges::find(of, name, &xml_attribute::name);
    return found == of.end() ? std::string_view() : found->value;
  }

  // Attributes that are not listed, and do not begin with "parse.", are in not_used.
  void note_others(const char* element, attributes given, std::span<const std::string_view> known) {
    for (const xml_attribute& a : given)
      if (std::ranges::find(known, a.name) == known.end() && !a.name.starts_with("parse."))
        keys_.not_used("attribute '" + std::string(a.name) + "' of " + element);
  }

  element key(attributes given) {
    keys_.begin({.id = std::string(value(given, "id")),
                 .of = std::string(value(given, "for")),
                 .name = std::string(value(given, "attr.name")),
                 .type = std::string(value(given, "attr.type")),
                 .line = line_});
    return element::key;
  }

  element graph(attributes given) {
    if (++graphs_ > 1) fail("a second graph", "one graph in the file");
    const std::string_view edges = value(given, "edgedefault");
    if (!edges.empty() && edges != "directed" && edges != "undirected")
      fail("edgedefault " + shown(edges), "directed or undirected");
    directed_ = edges == "directed";
    static constexpr std::array<std::string_view, 2> known{"id", "edgedefault"};
    note_others("graph", given, known);
    return element::graph;
  }

  element node(attributes given) {
    const std::string_view id = value(given, "id");
    if (id.empty()) fail("a node without id", "id=\"...\"");
    nodes_.list(id, to_, line_);
    node_ = {.name = keys_.default_name()};
    static constexpr std::array<std::string_view, 1> known{"id"};
    note_others("node", given, known);
    return element::node;
  }

  element edge(attributes given) {
    edge_ = {};
    edge_.line = line_;
    if (line_ > most_lines) fail("more than " + std::to_string(most_lines) + " lines", "fewer");
    for (const auto& [name, to] : {std::pair{"source", &edge_.source}, {"target", &edge_.target}}) {
      const std::string_view id = value(given, name);
      if (id.empty()) fail(std::string("an edge without ") + name, std::string(name) + "=\"...\"");
      *to = nodes_.slot_of(id, to_, line_);
    }
    const std::string_view directed = value(given, "directed");
    if (!directed.empty() && directed != "true" && directed != "false")
      fail("directed=" + shown(directed), "true or false");
    if (directed.empty() ? !directed_ : directed == "false")
      fail("an undirected edge", "directed edges, source -> target",
           "write it once for each direction");
    for (const char* port : {"sourceport", "targetport"})
      if (!value(given, port).empty()) fail("a port", "edges between nodes, without ports");
    static constexpr std::array<std::string_view, 6> known{"id",       "source",     "target",
                                                           "directed", "sourceport", "targetport"};
    note_others("edge", given, known);
    return element::edge;
  }

  element data(attributes given) {
    static constexpr std::array<std::string_view, 2> known{"key", "id"};
    note_others("data", given, known);
    data_key_ = &keys_.use(value(given, "key"), name_of(open_.back()), line_);
    return begin_text(element::data);
  }

  static const char* name_of(element e) {
    if (e == element::node) return "node";
    return e == element::edge ? "edge" : "graph";
  }

  element begin_text(element e) {
    text_.clear();
    return e;
  }

  void finish_text(element e) {
    if (e == element::key_default) return keys_.take_default(text_);
    const std::string& value = text_;
    switch (data_key_->role) {
      case key_role::weight:
        if (edge_.weight) fail("a second weight of an edge", "one");
        edge_.weight = numbers_.read(trimmed(value), line_);
        break;
      case key_role::type:
        if (edge_.type) fail("a second type of an edge", "one");
        edge_.type = trimmed(value);
        break;
      case key_role::sign:
        if (edge_.sign) fail("a second sign of an edge", "one");
        edge_.sign = trimmed(value);
        break;
      case key_role::name:
        node_.name = value;
        break;
      case key_role::number:
        node_.number = canonical_number(trimmed(value));
        break;
      case key_role::ids:
        nodes_.state_ids(trimmed(value));
        break;
      case key_role::neurons:
        nodes_.state_neurons(canonical_number(trimmed(value)));
        break;
      case key_role::none:
        break;
    }
  }

  void finish_edge() {
    const float weight = edge_.weight ? *edge_.weight : keys_.default_weight(numbers_);
    const auto stated = [&](const std::optional<std::string>& text, key_role role) {
      return text ? std::string_view(*text) : keys_.default_text(role);
    };
    signs_.check(column_role::type, stated(edge_.type, key_role::type), weight, edge_.line);
    signs_.check(column_role::sign, stated(edge_.sign, key_role::sign), weight, edge_.line);
    to_.edges.push_back(
        {edge_.source, edge_.target, weight, static_cast<std::uint32_t>(edge_.line)});
  }

  edge_list& to_;
  std::uint64_t file_bytes_, line_ = 1;
  std::vector<element> open_;
  graphml_keys keys_;
  edge_numbers numbers_;
  edge_signs signs_;
  const graphml_key* data_key_ = nullptr;
  std::string text_;
  int graphs_ = 0;
  bool directed_ = false, reserved_ = false;
  std::uint64_t bytes_before_edges_ = 0;
  open_edge edge_;
  graphml_nodes::node node_;
  graphml_nodes nodes_;
};

}  // namespace

void read_graphml(const std::filesystem::path& file, std::uint64_t bytes, edge_list& to) {
  if (!to.one_population)
    throw unavailable_error(to.file, "GraphML for edges between two kinds of nodes",
                            "Matrix Market, CSV or HDF5");
  graphml_reader reader(to, bytes);
  read_xml(file, reader);
  reader.finish();
}

}  // namespace bdh::graph_formats
