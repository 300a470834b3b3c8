// Node-link data, as NetworkX writes it to JSON: {"directed": true, "nodes": [{"id": ...}, ...],
// "links":
// [{"source": ..., "target": ..., "weight": ...}, ...]}; newer versions say "edges" for "links".
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include <bdh/error.hpp>

#include "io/graph/column_names.hpp"
#include "io/graph/edge_numbers.hpp"
#include "io/graph/edge_signs.hpp"
#include "io/graph/graph_file_detail.hpp"
#include "io/graph/graph_ids.hpp"
#include "io/graph/listed_nodes.hpp"

namespace bdh::graph_formats {
namespace {

using nlohmann::json;

constexpr std::size_t most_depth = 64, most_attributes = 10'000;

struct scalar {
  enum class kind { text, integer, natural, real, other };
  kind is = kind::other;
  std::string text = {};  // as it is written, without quotes
  std::int64_t integer = 0;
  std::uint64_t natural = 0;
  double real = 0;
  bool is_number() const { return is == kind::integer || is == kind::natural || is == kind::real; }
};

enum class part { nodes, edges };

// Walks through a file; what derives from it is given the objects of the two lists.
class node_link_walk : public nlohmann::json_sax<json> {
 public:
  explicit node_link_walk(const edge_list& list) : list_(list) {}

  // Throws input_error: no JSON, or deeper than 64.
  void walk(std::string_view text) { json::sax_parse(text, this); }

  bool null() override { return value({}); }
  bool boolean(bool truth) override {
    if (depth_ == 1) on_flag(key_, truth);
    return value({.text = truth ? "true" : "false"});
  }
  bool number_integer(number_integer_t n) override {
    return value({.is = scalar::kind::integer, .text = std::to_string(n), .integer = n});
  }
  bool number_unsigned(number_unsigned_t n) override {
    return value({.is = scalar::kind::natural, .text = std::to_string(n), .natural = n});
  }
  bool number_float(number_float_t n, const string_t& written) override {
    return value({.is = scalar::kind::real, .text = written, .real = n});
  }
  bool string(string_t& text) override {
    return value({.is = scalar::kind::text, .text = std::move(text)});
  }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override {
    open(false);
    if (depth_ == 3 && in_) {
      fields_.clear();
      line_ = *in_ == part::nodes ? nodes_++ : edges_++;
    }
    return true;
  }
  bool end_object() override {
    if (depth_ == 3 && in_) on_object(*in_, fields_, line_);
    --depth_;
    return true;
  }
  bool start_array(std::size_t) override {
    open(true);
    return true;
  }
  bool end_array() override {
    if (depth_ == 2) in_.reset();
    --depth_;
    return true;
  }
  bool key(string_t& name) override {
    key_ = name;
    if (depth_ == 2 && in_graph_) graph_attributes_.insert(name);
    if (depth_ == 1) in_graph_ = name == "graph";
    if (depth_ == 1 && !keys_.insert(name).second)
      throw input_error(list_.file, "two " + shown(name), "one");
    if (depth_ == 3 && in_ && fields_.contains(name))
      throw input_error(place(*in_, line_), "two " + shown(name), "one");
    return true;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    throw input_error(list_.file + ", byte " + std::to_string(position), "no JSON",
                      "the rest of it", "is it cut short?");
  }

  // Of the whole, and of what it says of the graph.
  const std::set<std::string>& keys() const { return keys_; }
  const std::set<std::string>& graph_attributes() const { return graph_attributes_; }
  // "FILE:nodes[3]"
  std::string place(part of, std::uint64_t line) const {
    return list_.file + (of == part::nodes ? ":nodes[" : ":" + edges_name_ + "[") +
           std::to_string(line) + "]";
  }
  const std::string& edges_name() const { return edges_name_; }

 protected:
  using object = std::map<std::string, scalar>;
  virtual void on_flag(const std::string&, bool) {}
  virtual void on_object(part of, const object& fields, std::uint64_t line) = 0;
  const edge_list& list_;

 private:
  void open(bool is_array) {
    if (++depth_ > most_depth)
      throw input_error(list_.file,
                        "values nested more than " + std::to_string(most_depth) + " deep",
                        "node-link data");
    if (depth_ == 1 && is_array)
      throw input_error(list_.file, "a list", R"(an object with "nodes" and "links")");
    if (depth_ == 2 && (key_ == "nodes" || key_ == "links" || key_ == "edges")) {
      if (!is_array) throw input_error(list_.file, "'" + key_ + "' that is no list", "a list");
      in_ = key_ == "nodes" ? part::nodes : part::edges;
      if (in_ == part::edges) edges_name_ = key_;
    }
    if (depth_ == 3 && in_ && is_array)
      throw input_error(place(*in_, *in_ == part::nodes ? nodes_ : edges_), "a list", "an object");
    if (depth_ == 4 && in_) set({});
  }
  bool value(scalar v) {
    if (depth_ == 2 && in_)
      throw input_error(place(*in_, *in_ == part::nodes ? nodes_ : edges_), shown(v.text),
                        "an object");
    if (depth_ == 3 && in_) set(std::move(v));
    return true;
  }
  void set(scalar v) {
    if (fields_.size() == most_attributes)
      throw input_error(place(*in_, line_),
                        "more than " + std::to_string(most_attributes) + " attributes", "fewer");
    fields_.insert_or_assign(key_, std::move(v));
  }

  std::size_t depth_ = 0;
  std::string key_, edges_name_ = "links";
  std::optional<part> in_;
  object fields_;
  std::uint64_t nodes_ = 0, edges_ = 0, line_ = 0;
  bool in_graph_ = false;
  std::set<std::string> keys_, graph_attributes_;
};

// First: what kind of graph it is, its nodes, and which attributes there are.
class survey final : public node_link_walk {
 public:
  using node_link_walk::node_link_walk;

  std::optional<bool> directed;
  std::vector<std::string> ids;
  bool numbers = true;  // all ids are integers from 0 on
  std::set<std::string> node_attributes, edge_attributes;

 private:
  void on_flag(const std::string& key, bool value) override {
    if (key == "directed") directed = value;
  }
  void on_object(part of, const object& fields, std::uint64_t line) override {
    std::set<std::string>& names = of == part::nodes ? node_attributes : edge_attributes;
    for (const auto& [name, value] : fields) {
      if (names.contains(name)) continue;
      if (names.size() == most_attributes)
        throw input_error(place(of, line),
                          "more than " + std::to_string(most_attributes) + " attributes in all",
                          "fewer");
      names.insert(name);
    }
    if (of == part::edges) return;
    const auto id = fields.find("id");
    if (id == fields.end()) throw input_error(place(of, line), "no 'id'", "the id of a node");
    if (id->second.is == scalar::kind::other)
      throw unavailable_error(place(of, line), "an id that is neither text nor a number",
                              "text, or a number");
    numbers = numbers && id->second.is == scalar::kind::natural;
    ids.push_back(id->second.text);
  }
};

class collect_edges final : public node_link_walk {
 public:
  collect_edges(edge_list& to, const survey& seen, const name_table& nodes)
      : node_link_walk(to), to_(to), nodes_(nodes), numbers_(to), signs_(to) {
    const std::vector<std::string> names(seen.edge_attributes.begin(), seen.edge_attributes.end());
    const std::string where = to.file + ":" + seen.edges_name();
    const column_choice& chosen = to.how.columns;
    const end_columns ends = find_ends(
        to.how.ends, names,
        {place_of(chosen.source, names, where), place_of(chosen.target, names, where)}, where);
    if (ends.source) source_ = names[*ends.source];
    if (ends.target) target_ = names[*ends.target];
    auto value = place_of(chosen.weight, names, where);
    if (!value) value = find_column(column_role::value, to.how.values, names, where);
    if (value) value_ = names[*value];
    const sign_columns signs = find_sign_columns(to.how, names, where, to.choices_not_found.sign);
    if (signs.type) type_ = names[*signs.type];
    if (signs.sign) sign_ = names[*signs.sign];
    if (!source_ || !target_)
      throw input_error(where, "edges without source and target",
                        R"({"source": ID, "target": ID} for each)");
    column_choice& none = to.choices_not_found;
    none.source.reset(), none.target.reset(), none.weight.reset();
  }

  void finish() {
    numbers_.finish(to_);
    signs_.finish(to_);
    if (!value_) take_ones(to_, to_.edges.size());
  }
  // Of the attributes of edges, those that are used.
  bool uses(const std::string& name) const {
    return name == "key" || name == source_ || name == target_ || name == value_ || name == type_ ||
           name == sign_;
  }

 private:
  // Of an attribute that the user names.
  static std::optional<std::size_t> place_of(const std::optional<std::string>& chosen,
                                             const std::vector<std::string>& names,
                                             const std::string& where) {
    if (!chosen) return std::nullopt;
    const auto at = std::ranges::find(names, *chosen);
    if (at == names.end())
      throw input_error(where, "no attribute " + shown(*chosen), "the one that --columns names");
    return static_cast<std::size_t>(at - names.begin());
  }

  neuron_id node(const object& fields, const std::string& name, std::uint64_t line) const {
    const auto found = fields.find(name);
    if (found == fields.end() || found->second.is == scalar::kind::other)
      throw input_error(place(part::edges, line), "no " + shown(name), "the id of a node");
    const auto number = nodes_.find(found->second.text);
    if (!number)
      throw input_error(place(part::edges, line), shown(name) + " " + shown(found->second.text),
                        "one of the nodes");
    return *number;
  }

  float weight(const object& fields, std::uint64_t line) {
    if (!value_) return 1.0f;
    const auto found = fields.find(*value_);
    if (found == fields.end() || !found->second.is_number())
      throw input_error(place(part::edges, line),
                        found == fields.end() ? "no " + shown(*value_) : shown(found->second.text),
                        "a number for every edge, or for none");
    const scalar& s = found->second;
    if (s.is == scalar::kind::integer) return numbers_.take(s.integer, line);
    if (s.is == scalar::kind::natural) return numbers_.take(s.natural, line);
    return numbers_.take(s.real, s.text, line);
  }

  void on_object(part of, const object& fields, std::uint64_t line) override {
    if (of == part::nodes) return;
    if (line > most_lines)
      throw unavailable_error(place(of, line), "more than " + std::to_string(most_lines) + " edges",
                              "fewer");
    const float w = weight(fields, line);
    if (type_)
      if (const auto found = fields.find(*type_); found != fields.end())
        signs_.check(column_role::type, found->second.text, w, line);
    if (sign_)
      if (const auto found = fields.find(*sign_); found != fields.end())
        signs_.check(column_role::sign, found->second.text, w, line);
    to_.edges.push_back({node(fields, *source_, line), node(fields, *target_, line), w,
                         static_cast<std::uint32_t>(line)});
  }

  edge_list& to_;
  const name_table& nodes_;
  edge_numbers numbers_;
  edge_signs signs_;
  std::optional<std::string> source_, target_, value_, type_, sign_;
};

void expect_directed_graph(const survey& seen, const edge_list& list) {
  const std::string file = list.file;
  if (!seen.keys().contains("nodes") ||
      (!seen.keys().contains("links") && !seen.keys().contains("edges")))
    throw input_error(file, R"(JSON without "nodes" and "links")",
                      "node-link data, as networkx.node_link_data gives it");
  if (seen.keys().contains("links") && seen.keys().contains("edges"))
    throw input_error(file, R"("links" and "edges")", "one list of edges");
  if (!seen.directed.value_or(false))
    throw input_error(file, seen.directed ? R"("directed": false)" : R"(no "directed": true)",
                      "a directed graph, source -> target",
                      "networkx.DiGraph(G), with both directions of an edge, makes one");
  if (!list.one_population)
    throw unavailable_error(file, "node-link data for edges between two kinds of nodes",
                            "CSV or Matrix Market");
}

}  // namespace

void read_node_link(std::string_view text, edge_list& to) {
  to.lines = false;
  survey seen(to);
  seen.walk(text);
  expect_directed_graph(seen, to);
  to.values_at = to.file + ":" + seen.edges_name();
  name_table nodes;
  for (std::size_t i = 0; i < seen.ids.size(); ++i)
    if (nodes.number_of(seen.ids[i], to, i) != i)
      throw input_error(seen.place(part::nodes, i), "node " + shown(seen.ids[i]) + " again",
                        "each id once");
  collect_edges edges(to, seen, nodes);
  edges.walk(text);
  edges.finish();
  for (const std::string& name : seen.node_attributes)
    if (name != "id") to.not_used.push_back("attribute '" + name + "' of nodes (" + to.file + ")");
  for (const std::string& name : seen.edge_attributes)
    if (!edges.uses(name))
      to.not_used.push_back("attribute '" + name + "' of edges (" + to.file + ")");
  for (const std::string& key : seen.keys())
    if (key != "nodes" && key != "links" && key != "edges" && key != "directed" &&
        key != "multigraph" && key != "graph")
      to.not_used.push_back("'" + key + "' (" + to.file + ")");
  for (const std::string& name : seen.graph_attributes())
    to.not_used.push_back("attribute '" + name + "' of the graph (" + to.file + ")");
  number_listed(nodes.take(), seen.numbers, text.size(), to);
}

}  // namespace bdh::graph_formats
