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
#include "io/graph/graph_file_detail.hpp"
#include "io/graph/graphml_keys.hpp"

namespace bdh::graph_formats {
namespace {

using attributes = std::span<const xml_attribute>;

enum class element { graphml, key, key_default, graph, node, edge, data, ignored };

class graphml_reader final : public xml_handler {
 public:
  graphml_reader(edge_list& to, std::uint64_t file_bytes)
      : to_(to), file_bytes_(file_bytes), keys_(to), numbers_(to) {}

  void start(std::string_view name, attributes given, std::uint64_t line) override {
    line_ = line;
    open_.push_back(open_.empty() ? root(name) : child(name, given));
  }

  void end(std::string_view) override {
    const element e = open_.back();
    open_.pop_back();
    if (e == element::data || e == element::key_default) finish_text(e);
    if (e == element::node) finish_node();
    if (e == element::edge) finish_edge();
    if (e == element::key) keys_.finish();
  }

  void text(std::string_view characters) override {
    const element e = open_.empty() ? element::ignored : open_.back();
    if ((e != element::data && e != element::key_default) || text_.size() > longest_text) return;
    text_ += characters;
  }

  void foreign(std::string_view) override {}  // in data, whose key is in not_used

  void finish() {
    if (graphs_ == 0) throw input_error(to_.file, "no graph", "one");
    if (names_.size() + slots_.size() == 0)
      throw input_error(to_.file, "a graph without nodes", "neurons");
    number_nodes();
    keys_.finish_edges(to_.edges.size());
    numbers_.finish(to_);
    take_numbers(to_, file_bytes_);
  }

 private:
  static constexpr std::size_t longest_text = 4096;  // longer ones are no numbers and no names
  static constexpr neuron_id no_node = ~neuron_id{0};

  struct open_edge {
    neuron_id source = 0, target = 0;
    std::uint64_t line = 0;
    bool directed = true;
    std::optional<float> weight = {};
    std::string type = {}, sign = {};
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
    const neuron_id slot = slot_of(id);
    if (slots_[slot] != no_node) fail("node " + shown(id) + " again", "each node once");
    slots_[slot] = nodes_++;
    in_order_ = in_order_ && slots_[slot] == slot;
    name_.reset();
    number_.reset();
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
      *to = slot_of(id);
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
    const element of = open_.back();
    const char* const what = of == element::node ? "node" : of == element::edge ? "edge" : "graph";
    data_key_ = &keys_.use(value(given, "key"), what, line_);
    return begin_text(element::data);
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
        edge_.type = trimmed(value);
        break;
      case key_role::sign:
        edge_.sign = trimmed(value);
        break;
      case key_role::name:
        name_ = value;
        break;
      case key_role::number:
        number_ = canonical_number(trimmed(value));
        break;
      case key_role::ids:
        ids_ = trimmed(value);
        break;
      case key_role::neurons:
        neurons_ = canonical_number(trimmed(value));
        break;
      case key_role::none:
        break;
    }
  }

  void finish_node() {
    const std::string& name = name_ ? *name_ : keys_.default_name();
    const bool is_new = named_ && is_name(name) && names_.add(name).second;
    named_ = named_ && is_new;
    numbers_of_nodes_.push_back(number_.value_or(~std::uint64_t{0}));
  }

  void finish_edge() {
    const float weight = edge_.weight ? *edge_.weight : keys_.default_weight(numbers_);
    if (!edge_.type.empty()) check_type(edge_.type, weight, to_, edge_.line);
    if (!edge_.sign.empty()) check_sign(edge_.sign, weight, to_, edge_.line);
    to_.edges.push_back(
        {edge_.source, edge_.target, weight, static_cast<std::uint32_t>(edge_.line)});
  }

  neuron_id slot_of(std::string_view id) {
    const neuron_id slot = ids_of_slots_.number_of(id, to_, line_);
    if (slot == slots_.size()) slots_.push_back(no_node);
    return slot;
  }

  // Edges hold slots, in the order in which ids were met; nodes are numbered as they are listed.
  void number_nodes() {
    if (nodes_ != slots_.size())
      for (const graph_edge& e : to_.edges)
        for (const neuron_id slot : {e.source, e.target})
          if (slots_[slot] == no_node)
            throw input_error(to_.place(e.line), "an edge of a node that is not in the file",
                              "one of the " + std::to_string(nodes_) + " nodes",
                              "node " + shown(ids_of_slots_.name(slot)) + " is missing");
    if (!in_order_)
      for (graph_edge& e : to_.edges) e.source = slots_[e.source], e.target = slots_[e.target];
    const bool by_ids = to_.how.ids == node_ids::from_0 || to_.how.ids == node_ids::from_1;
    if (!by_ids && stated_numbers()) return;
    if (named_ && !by_ids) {
      to_.source.names = names_.take();
      return;
    }
    if (keys_.has_names() && !by_ids)
      to_.remarks.push_back(to_.file + ": names of nodes are not all different names of 1 to " +
                            std::to_string(longest_name) +
                            " bytes: neurons are called by the ids of the nodes");
    std::vector<std::string> ids = ids_of_slots_.take();
    to_.source.names.resize(nodes_);
    for (std::size_t slot = 0; slot < ids.size(); ++slot)
      to_.source.names[slots_[slot]] = std::move(ids[slot]);
  }

  // Of our own exports of whole models: whether neurons have names, and the number of each.
  bool stated_numbers() {
    if (ids_ != "numbers" && ids_ != "names") return false;
    std::vector<bool> seen(nodes_);
    for (const std::uint64_t n : numbers_of_nodes_) {
      if (n >= nodes_ || seen[n] || neurons_ != nodes_)
        throw input_error(to_.file, "numbers of nodes that are not those of its neurons",
                          "0 to " + std::to_string(nodes_ - 1) + ", each once",
                          "without the graph's data bdh.ids they mean nothing");
      seen[n] = true;
    }
    for (graph_edge& e : to_.edges)
      for (neuron_id* end : {&e.source, &e.target})
        *end = static_cast<neuron_id>(numbers_of_nodes_[*end]);
    if (ids_ == "numbers") {
      to_.source.size = nodes_;
      return true;
    }
    if (!named_) return false;
    std::vector<std::string> names = names_.take();
    to_.source.names.resize(nodes_);
    for (std::size_t i = 0; i < names.size(); ++i)
      to_.source.names[numbers_of_nodes_[i]] = std::move(names[i]);
    return true;
  }

  edge_list& to_;
  std::uint64_t file_bytes_, line_ = 1;
  std::vector<element> open_;
  graphml_keys keys_;
  edge_numbers numbers_;
  const graphml_key* data_key_ = nullptr;
  std::string text_;
  int graphs_ = 0;
  bool directed_ = false, named_ = true, in_order_ = true;
  open_edge edge_;
  std::optional<std::string> name_;
  std::optional<std::uint64_t> number_, neurons_;
  std::string ids_;
  neuron_id nodes_ = 0;
  name_table ids_of_slots_, names_;
  std::vector<neuron_id> slots_;
  std::vector<std::uint64_t> numbers_of_nodes_;
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
