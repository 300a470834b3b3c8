// GraphML through Boost.Graph. Its reader takes anything for a node, nests without end and drops
// the ids of nodes: a scan of the tags comes first, and checks and keeps all of that.
#include <boost/graph/graphml.hpp>
#include <istream>
#include <streambuf>
#include <unordered_set>

#include <bdh/error.hpp>

#include "io/graph/graph_file_detail.hpp"

namespace bdh::graph_formats {
namespace {

constexpr std::uint64_t most_graphml_bytes = std::uint64_t{1} << 30;
constexpr int deepest = 64;

// What the tags state: names of nodes and lines of edges, both in the order of the file.
struct outline {
  std::vector<std::string> ids;
  std::vector<std::uint64_t> edge_lines;
};

class tag_scanner {
 public:
  tag_scanner(std::string_view text, const edge_list& list) : text_(text), list_(list) {}

  outline scan() {
    while (at_ < text_.size()) {
      const std::size_t next = std::min(text_.find('<', at_), text_.size());
      move_to(next);
      if (next < text_.size()) markup();
    }
    if (graphs_ == 0) fail("no graph", "one");
    return std::move(found_);
  }

 private:
  [[noreturn]] void fail(const std::string& found, const std::string& expected,
                         const std::string& hint = {}) const {
    throw input_error(list_.place(line_), found, expected, hint);
  }

  void move_to(std::size_t to) {
    line_ += static_cast<std::uint64_t>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(at_),
                                                   text_.begin() + static_cast<std::ptrdiff_t>(to),
                                                   '\n'));
    at_ = to;
  }

  void skip_past(std::string_view end) {
    const std::size_t found = text_.find(end, at_);
    if (found == std::string_view::npos)
      fail("markup that does not end", "'" + std::string(end) + "'", "is the file cut short?");
    move_to(found + end.size());
  }

  void markup() {
    const std::string_view rest = text_.substr(at_);
    if (rest.starts_with("<!--")) return skip_past("-->");
    if (rest.starts_with("<![CDATA[")) return skip_past("]]>");
    if (rest.starts_with("<?")) return skip_past("?>");
    if (rest.starts_with("<!")) fail("a document type", "GraphML without one");
    if (rest.starts_with("</")) {
      --depth_;
      return skip_past(">");
    }
    tag();
  }

  // An opening tag; quotes may hold anything.
  void tag() {
    std::size_t end = at_ + 1;
    for (char quote = 0; end < text_.size() && (quote != 0 || text_[end] != '>'); ++end)
      if (const char c = text_[end]; c == quote)
        quote = 0;
      else if (quote == 0 && (c == '"' || c == '\''))
        quote = c;
    if (end == text_.size()) fail("a tag that does not end", "'>'", "is the file cut short?");
    const std::string_view all = text_.substr(at_ + 1, end - at_ - 1);
    const std::string_view name = all.substr(0, all.find_first_of(" \t\r\n/"));
    if (name == "graph" && ++graphs_ > 1) fail("a second graph", "one graph in the file");
    if (name == "node") node(all);
    if (name == "edge") found_.edge_lines.push_back(line_);
    if (name == "hyperedge") fail("a hyperedge", "edges with one source and one target");
    if (!all.ends_with('/') && ++depth_ > deepest)
      fail("elements nested more than 64 deep", "graphml, graph, node, data");
    move_to(end + 1);
  }

  void node(std::string_view tag) {
    std::size_t at = tag.find("id=");
    while (at != std::string_view::npos &&
           std::string_view(" \t\r\n").find(tag[at - 1]) == std::string_view::npos)
      at = tag.find("id=", at + 1);
    if (at == std::string_view::npos || at + 3 >= tag.size() ||
        (tag[at + 3] != '"' && tag[at + 3] != '\''))
      fail("a node without id", "id=\"...\"");
    const std::size_t first = at + 4, last = tag.find(tag[at + 3], first);
    std::string id(tag.substr(first, last - first));
    for (const auto& [entity, character] :
         {std::pair{"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&apos;", "'"}, {"&amp;", "&"}})
      for (std::size_t i = id.find(entity); i != std::string::npos; i = id.find(entity, i + 1))
        id.replace(i, std::string_view(entity).size(), character);
    if (!is_name(id))
      fail("an id of " + std::to_string(id.size()) + " bytes",
           "1 to " + std::to_string(longest_name) + " bytes of UTF-8 without control characters");
    if (!seen_.insert(id).second) fail("node " + shown(id) + " again", "each node once");
    found_.ids.push_back(std::move(id));
  }

  std::string_view text_;
  const edge_list& list_;
  std::size_t at_ = 0;
  std::uint64_t line_ = 1;
  int depth_ = 0, graphs_ = 0;
  outline found_;
  std::unordered_set<std::string> seen_;
};

// What Boost fills in: nodes are their positions, edges theirs.
class listed_graph final : public boost::mutate_graph {
 public:
  listed_graph(const outline& known, edge_list& to)
      : known_(known), to_(to), names_(known.ids.size()), types_(known.edge_lines.size()) {}

  bool is_directed() const override { return true; }

  boost::any do_add_vertex() override {
    if (nodes_ == known_.ids.size())
      throw input_error(next_place(), "an edge of a node that is not in the file",
                        "one of the " + std::to_string(nodes_) + " nodes");
    return nodes_++;
  }

  std::pair<boost::any, bool> do_add_edge(boost::any source, boost::any target) override {
    if (to_.edges.size() == known_.edge_lines.size())
      throw input_error(to_.file, "an edge outside the graph", "edges of the graph");
    const std::size_t number = to_.edges.size();
    to_.edges.push_back({static_cast<neuron_id>(boost::any_cast<std::size_t>(source)),
                         static_cast<neuron_id>(boost::any_cast<std::size_t>(target)), 1.0f,
                         known_.edge_lines[number]});
    return {boost::any(number), true};
  }

  void set_graph_property(const std::string&, const std::string&, const std::string&) override {}

  void set_vertex_property(const std::string& name, boost::any node, const std::string& value,
                           const std::string&) override {
    if (lower(name) == "name") names_[boost::any_cast<std::size_t>(node)] = value;
  }

  void set_edge_property(const std::string& name, boost::any edge, const std::string& value,
                         const std::string&) override {
    const auto number = boost::any_cast<std::size_t>(edge);
    graph_edge& e = to_.edges[number];
    if (lower(name) == "weight") e.weight = weight_of(value, to_.place(e.line));
    if (lower(name) == "type") types_[number] = value;
  }

  void finish() {
    if (nodes_ != known_.ids.size() || to_.edges.size() != known_.edge_lines.size())
      throw input_error(to_.file,
                        std::to_string(nodes_) + " nodes and " + std::to_string(to_.edges.size()) +
                            " edges in the graph",
                        "all " + std::to_string(known_.ids.size()) + " and " +
                            std::to_string(known_.edge_lines.size()) + " of the file");
    for (std::size_t i = 0; i < types_.size(); ++i)
      check_type(types_[i], to_.edges[i].weight, to_.place(to_.edges[i].line));
    std::unordered_set<std::string_view> seen;
    for (const std::string& name : names_)
      if (!is_name(name) || !seen.insert(name).second) {
        to_.source.names = known_.ids;
        return;
      }
    to_.source.names = std::move(names_);
  }

  // Of the edge that comes next.
  std::string next_place() const {
    const std::size_t number = to_.edges.size();
    return number < known_.edge_lines.size() ? to_.place(known_.edge_lines[number]) : to_.file;
  }

 private:
  const outline& known_;
  edge_list& to_;
  std::size_t nodes_ = 0;
  std::vector<std::string> names_, types_;
};

// The text as a stream, without a copy.
class text_buffer final : public std::streambuf {
 public:
  explicit text_buffer(std::string_view text) {
    char* const begin = const_cast<char*>(text.data());  // a get area is never written to
    setg(begin, begin, begin + text.size());
  }
};

}  // namespace

void read_graphml(std::string_view text, edge_list& to) {
  if (!to.one_population)
    throw unavailable_error(to.file, "GraphML for edges between two kinds of nodes",
                            "Matrix Market, CSV or HDF5");
  if (text.size() > most_graphml_bytes)
    throw input_error(to.file, std::to_string(text.size()) + " bytes of GraphML",
                      "at most " + std::to_string(most_graphml_bytes),
                      "Matrix Market and HDF5 are made for graphs of this size");
  const outline known = tag_scanner(text, to).scan();
  if (known.ids.empty()) throw input_error(to.file, "a graph without nodes", "neurons");
  listed_graph graph(known, to);
  text_buffer buffer(text);
  std::istream stream(&buffer);
  try {
    boost::read_graphml(stream, graph, 0);
  } catch (const error&) {
    throw;
  } catch (const boost::undirected_graph_error&) {
    throw input_error(graph.next_place(), "an undirected edge", "directed edges, source -> target");
  } catch (const std::exception& e) {
    std::string reason = e.what();
    std::replace_if(
        reason.begin(), reason.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
    throw input_error(to.file, "no sound GraphML: " + reason.substr(0, 200));
  }
  graph.finish();
}

}  // namespace bdh::graph_formats
