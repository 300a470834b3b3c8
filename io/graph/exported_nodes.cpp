#include "io/graph/exported_nodes.hpp"

#include <algorithm>
#include <deque>

#include <bdh/error.hpp>

#include "io/files/text_blocks.hpp"
#include "io/graph/csv_dialect.hpp"
#include "io/graph/graph_file_detail.hpp"

namespace bdh::graph_formats {
namespace {

struct listed_node {
  std::string id;
  std::uint64_t number = 0;
};

// The rows of the file; empty where one of them is no neuron.
class node_reader {
 public:
  explicit node_reader(const std::string& file) { of_.file = file; }

  // Whether it begins as our exports do.
  bool read() {
    text_blocks blocks(of_.file);
    std::uint64_t before = 0;
    for (std::string_view block = blocks.next(); !block.empty(); block = blocks.next()) {
      csv_lines lines(block, before);
      while (!lines.at_end()) {
        const std::string_view line = lines.next();
        if (lines.number() == 1 ? !read_header(line) : !read_row(line, lines.number()))
          return false;
      }
      before = lines.number();
    }
    return columns_ != 0;
  }

  bool named() const noexcept { return named_; }
  std::vector<listed_node>& nodes() noexcept { return nodes_; }

 private:
  bool read_header(std::string_view line) {
    constexpr std::string_view own = "Id,Label,Number,Kind,Head,Original";
    split(line, 1);
    columns_ = fields_.size();
    named_ = fields_.back().text == "Name";
    return line.starts_with(own);
  }

  bool read_row(std::string_view line, std::uint64_t number) {
    if (line.empty()) return true;
    split(line, number);
    if (fields_.size() != columns_)
      throw input_error(of_.place(number), std::to_string(fields_.size()) + " fields",
                        std::to_string(columns_) + ", as the header has");
    const auto own = canonical_number(fields_[2].text);
    if (!own) throw input_error(of_.place(number), shown(fields_[2].text), "a neuron's number");
    nodes_.push_back({std::string(fields_[0].text), *own});
    named_ = named_ || fields_[0].text != fields_[2].text;
    return fields_[3].text == "neuron";
  }

  void split(std::string_view line, std::uint64_t number) {
    room_.clear();
    split_line(line, {}, fields_, room_, of_, number);
  }

  edge_list of_;  // only its name
  std::size_t columns_ = 0;
  bool named_ = false;
  std::vector<listed_node> nodes_;
  std::vector<csv_field> fields_;
  std::deque<std::string> room_;
};

}  // namespace

const std::vector<std::string>& exported_columns() {
  static const std::vector<std::string> columns{"Source", "Target", "Type",     "Id",
                                                "Weight", "Sign",   "Magnitude"};
  return columns;
}

std::filesystem::path nodes_file(std::filesystem::path edges) {
  return edges.replace_extension(".nodes.csv");
}

std::optional<graph_nodes> read_exported_nodes(edge_list& of) {
  const std::filesystem::path file = nodes_file(of.file);
  std::error_code failed;
  if (!std::filesystem::is_regular_file(file, failed)) return std::nullopt;
  node_reader reader(file.string());
  const bool neurons = reader.read();
  std::vector<listed_node>& listed = reader.nodes();
  std::vector<bool> seen(listed.size());
  const auto is_next = [&](const listed_node& n) {
    if (n.number >= seen.size() || seen[n.number]) return false;
    seen[n.number] = true;
    return true;
  };
  if (!neurons || listed.empty() || !std::ranges::all_of(listed, is_next)) {
    of.not_used.push_back(file.string() + ", which has not all neurons of a model");
    return std::nullopt;
  }
  graph_nodes nodes;
  nodes.size = static_cast<neuron_id>(listed.size());
  if (!reader.named()) return nodes;
  nodes.names.resize(listed.size());
  for (listed_node& n : listed) nodes.names[n.number] = std::move(n.id);
  return nodes;
}

void take_exported_nodes(const graph_nodes& nodes, edge_list& to) {
  const std::string expected = "one of " + nodes_file(to.file).string();
  if (nodes.names.empty()) {
    for (const graph_edge& e : to.edges)
      for (const neuron_id end : {e.source, e.target})
        if (end >= *nodes.size)
          throw input_error(to.place(e.line), "node " + std::to_string(end), expected);
    to.source = nodes;
    return;
  }
  name_table known;
  for (const std::string& name : nodes.names)
    if (!is_name(name) || !known.add(name).second)
      throw input_error(nodes_file(to.file).string(), "node " + shown(name) + " again, or no name",
                        "each node once");
  std::vector<neuron_id> number;
  for (const std::string& name : to.source.names) {
    const auto found = known.find(name);
    if (!found) throw input_error(to.file, "node " + shown(name), expected);
    number.push_back(*found);
  }
  for (graph_edge& e : to.edges) e.source = number[e.source], e.target = number[e.target];
  to.source.names = nodes.names;
}

}  // namespace bdh::graph_formats
