// GEXF 1.1 to 1.3, element by element (io/files/xml.hpp), as Gephi and NetworkX write it. What a
// file says is used, means nothing for a graph (descriptions, ids of edges), is in
// not_used by its name, or the file is refused.
#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <bdh/error.hpp>

#include "io/files/xml.hpp"
#include "io/graph/column_names.hpp"
#include "io/graph/edge_numbers.hpp"
#include "io/graph/edge_signs.hpp"
#include "io/graph/gexf_attributes.hpp"
#include "io/graph/graph_file_detail.hpp"
#include "io/graph/graph_ids.hpp"
#include "io/graph/graphml_keys.hpp"
#include "io/graph/listed_nodes.hpp"

namespace bdh::graph_formats {
namespace {

using attributes = std::span<const xml_attribute>;

enum class element {
  gexf,
  meta,
  keywords,
  graph,
  definitions,
  definition,
  default_value,
  nodes,
  node,
  edges,
  edge,
  values,
  value,
  ignored
};

struct gexf_edge {
  std::string source = {}, target = {};
  std::optional<std::string> type = {}, sign = {};
  std::optional<float> weight = {};
  bool own_weight = false;  // as its attribute weight
  std::uint64_t line = 0;
};

std::string_view value_of(attributes of, std::string_view name) {
  const auto found = std::ranges::find(of, name, &xml_attribute::name);
  return found == of.end() ? std::string_view() : found->value;
}

class gexf_reader final : public xml_handler {
 public:
  gexf_reader(edge_list& to, std::uint64_t file_bytes)
      : to_(to), file_bytes_(file_bytes), numbers_(to), signs_(to), attributes_(to) {}

  void start(std::string_view name, attributes given, std::uint64_t line) override {
    line_ = line;
    open_.push_back(open_.empty() ? root(name) : child(name, given));
  }

  void end(std::string_view) override {
    const element e = open_.back();
    open_.pop_back();
    if (e == element::default_value) attributes_.take_default(trimmed(text_));
    if (e == element::keywords) keywords_ = text_;
    if (e == element::edge) finish_edge();
  }

  void text(std::string_view characters) override {
    const element e = open_.empty() ? element::ignored : open_.back();
    if ((e == element::default_value || e == element::keywords) && text_.size() <= longest_text)
      text_ += characters;
  }

  // Colours, places and sizes.
  void foreign(std::string_view name) override {
    note("element '" + std::string(name.substr(name.rfind(' ') + 1)) + "'");
  }

  void finish() {
    if (!graph_) throw input_error(to_.file, "no graph", "one");
    if (ids_.size() == 0) throw input_error(to_.file, "a graph without nodes", "neurons");
    if (with_weight_ == 0) take_ones(to_, without_weight_);
    if (with_weight_ != 0 && without_weight_ != 0)
      to_.remarks.push_back(to_.file + ": " + std::to_string(without_weight_) +
                            " edges have no weight, which means 1");
    numbers_.finish(to_);
    signs_.finish(to_);
    number_nodes();
  }

 private:
  static constexpr std::size_t longest_text = 4096;

  [[noreturn]] void fail(const std::string& found, const std::string& expected,
                         const std::string& hint = {}) const {
    throw input_error(to_.place(line_), found, expected, hint);
  }

  // Once.
  void note(const std::string& what) {
    if (noted_.size() < 1000 && noted_.insert(what).second)
      to_.not_used.push_back(what + " (" + to_.file + ")");
  }

  void note_others(const char* of, attributes given, std::span<const std::string_view> known) {
    for (const xml_attribute& a : given)
      if (std::ranges::find(known, a.name) == known.end())
        note("attribute '" + std::string(a.name) + "' of " + of);
  }

  element root(std::string_view name) const {
    if (name != "gexf") fail("'" + std::string(name) + "'", "the element gexf");
    return element::gexf;
  }

  element child(std::string_view name, attributes given) {
    switch (open_.back()) {
      case element::gexf:
        if (name == "graph") return graph(given);
        return name == "meta" ? element::meta : ignored(name);
      case element::meta:
        if (name != "keywords") return element::ignored;
        text_.clear();
        return element::keywords;
      case element::graph:
        if (name == "attributes") return definitions(given);
        if (name == "nodes") return element::nodes;
        if (name == "edges") return element::edges;
        return ignored(name);
      case element::definitions:
        if (name != "attribute") return ignored(name);
        attributes_.declare(value_of(given, "id"), value_of(given, "title"), line_);
        return element::definition;
      case element::definition:
        if (name != "default") return element::ignored;
        text_.clear();
        return element::default_value;
      case element::nodes:
        return name == "node" ? node(given) : ignored(name);
      case element::node:
        if (name == "nodes" || name == "node")
          fail("nodes within a node", "nodes that are neurons", "flatten the hierarchy");
        return name == "attvalues" ? element::values : ignored(name);
      case element::edges:
        return name == "edge" ? edge(given) : ignored(name);
      case element::edge:
        return name == "attvalues" ? element::values : ignored(name);
      case element::values:
        return name == "attvalue" ? take_value(given) : ignored(name);
      default:
        return element::ignored;
    }
  }

  element ignored(std::string_view name) {
    note("element '" + std::string(name) + "'");
    return element::ignored;
  }

  element graph(attributes given) {
    if (graph_) fail("a second graph", "one graph in the file");
    graph_ = true;
    // Undirected is what GEXF means where it says nothing.
    const std::string_view type = value_of(given, "defaultedgetype");
    directed_ = type == "directed";
    if (const std::string_view mode = value_of(given, "mode"); !mode.empty() && mode != "static")
      fail("mode " + shown(mode), "a static graph", "export one moment of it");
    static constexpr std::array<std::string_view, 6> known{"defaultedgetype", "mode",  "idtype",
                                                           "timeformat",      "count", "name"};
    note_others("graph", given, known);
    return element::graph;
  }

  element definitions(attributes given) {
    const std::string_view of = value_of(given, "class");
    if (of != "node" && of != "edge") fail("attributes of class " + shown(of), "node or edge");
    if (const std::string_view mode = value_of(given, "mode"); !mode.empty() && mode != "static")
      note("attributes of mode '" + std::string(mode) + "'");
    attributes_.begin(of == "edge");
    return element::definitions;
  }

  element node(attributes given) {
    const std::string_view id = value_of(given, "id");
    if (id.empty()) fail("a node without id", "id=\"...\"");
    const neuron_id known = ids_.size();
    if (ids_.number_of(id, to_, line_) != known) fail("node " + shown(id) + " again", "each once");
    if (const std::string_view parent = value_of(given, "pid"); !parent.empty())
      fail("a node within the node " + shown(parent), "nodes that are neurons",
           "flatten the hierarchy");
    const std::string_view label = value_of(given, "label");
    labelled_ = labelled_ && is_name(label) && labels_.add(label).second;
    labels_are_ids_ = labels_are_ids_ && label == id;
    static constexpr std::array<std::string_view, 2> known_names{"id", "label"};
    note_others("node", given, known_names);
    return element::node;
  }

  element edge(attributes given) {
    edge_ = {};
    edge_.line = line_;
    if (line_ > most_lines) fail("more than " + std::to_string(most_lines) + " lines", "fewer");
    edge_.source = value_of(given, "source");
    edge_.target = value_of(given, "target");
    if (edge_.source.empty() || edge_.target.empty())
      fail("an edge without source or target", "source=\"...\" target=\"...\"");
    const std::string_view type = value_of(given, "type");
    if (type.empty() ? !directed_ : type != "directed")
      fail(type == "mutual" ? "a mutual edge" : "an undirected edge",
           "directed edges, source -> target", "write it once for each direction");
    const auto& chosen = to_.how.columns.weight;
    const std::string_view weight = value_of(given, "weight");
    if (chosen) to_.choices_not_found.weight.reset();
    if (!weight.empty() && (!chosen || *chosen == "weight")) {
      attributes_.expect_only_weight();
      edge_.weight = numbers_.read(trimmed(weight), line_);
      edge_.own_weight = true;
    } else if (!weight.empty()) {
      note("attribute 'weight' of edge");
    }
    if (!value_of(given, "label").empty()) note("attribute 'label' of edge");
    static constexpr std::array<std::string_view, 6> known{"id",    "source", "target",
                                                           "label", "type",   "weight"};
    note_others("edge", given, known);
    return element::edge;
  }

  element take_value(attributes given) {
    const bool of_edge = open_[open_.size() - 2] == element::edge;
    std::string_view id = value_of(given, "for");
    if (id.empty()) id = value_of(given, "id");  // of GEXF 1.1
    const std::string_view text = value_of(given, "value");
    const gexf_attribute& d = attributes_.use(of_edge, id, line_);
    if (!of_edge || d.role == gexf_role::none || (d.role == gexf_role::weight && edge_.own_weight))
      note("attribute '" + d.title + "' of " + (of_edge ? "edges" : "nodes"));
    else if (d.role == gexf_role::weight)
      edge_.weight = numbers_.read(trimmed(text), line_);
    else
      (d.role == gexf_role::type ? edge_.type : edge_.sign) = trimmed(text);
    return element::value;
  }

  void finish_edge() {
    if (!edge_.weight)
      if (const auto otherwise = attributes_.default_of(gexf_role::weight))
        edge_.weight = numbers_.read(*otherwise, edge_.line);
    ++(edge_.weight ? with_weight_ : without_weight_);
    const float weight = edge_.weight.value_or(1.0f);
    if (!edge_.type) edge_.type = attributes_.default_of(gexf_role::type);
    if (!edge_.sign) edge_.sign = attributes_.default_of(gexf_role::sign);
    signs_.check(column_role::type, edge_.type.value_or(""), weight, edge_.line);
    signs_.check(column_role::sign, edge_.sign.value_or(""), weight, edge_.line);
    const auto end = [&](const std::string& id) {
      const auto number = ids_.find(id);
      if (!number)
        throw input_error(to_.place(edge_.line), "an edge of the node " + shown(id),
                          "a node that the file lists before its edges");
      return *number;
    };
    to_.edges.push_back(
        {end(edge_.source), end(edge_.target), weight, static_cast<std::uint32_t>(edge_.line)});
  }

  // Neurons are called by the labels of nodes, where all have one of their own, else by their ids.
  // Our own exports say which of the two is meant.
  void number_nodes() {
    const bool by_ids = to_.how.ids == node_ids::from_0 || to_.how.ids == node_ids::from_1;
    const bool names_meant = keywords_ == "bdh.ids=names",
               ids_meant = keywords_ == "bdh.ids=numbers" || (labels_are_ids_ && !names_meant);
    if (labelled_ && !by_ids && !ids_meant) {
      to_.source.names = labels_.take();
      return;
    }
    if (!number_listed(ids_.take(), true, file_bytes_, to_) && !labelled_ && labels_.size() > 1)
      to_.remarks.push_back(to_.file + ": labels of nodes are not all different names of 1 to " +
                            std::to_string(longest_name) +
                            " bytes: neurons are called by the ids of the nodes");
  }

  edge_list& to_;
  std::uint64_t file_bytes_, line_ = 1;
  std::vector<element> open_;
  edge_numbers numbers_;
  edge_signs signs_;
  std::string text_, keywords_;
  bool graph_ = false, directed_ = false;
  bool labelled_ = true, labels_are_ids_ = true;
  gexf_attributes attributes_;
  gexf_edge edge_;
  name_table ids_, labels_;
  std::uint64_t with_weight_ = 0, without_weight_ = 0;
  std::set<std::string> noted_;
};

}  // namespace

void read_gexf(const std::filesystem::path& file, std::uint64_t bytes, edge_list& to) {
  if (!to.one_population)
    throw unavailable_error(to.file, "GEXF for edges between two kinds of nodes",
                            "Matrix Market, CSV or HDF5");
  gexf_reader reader(to, bytes);
  read_xml(file, reader);
  reader.finish();
}

}  // namespace bdh::graph_formats
