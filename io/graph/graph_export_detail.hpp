// What the writers of io/graph/graph_export.hpp share. Internal to them.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "core/analysis/subgraph.hpp"
#include "io/files/csv.hpp"

namespace bdh::graph_formats {

// Nothing that a line of text, XML or CSV cannot hold as it is.
bool is_plain(std::string_view name);

// What all formats write of a graph.
struct exported_graph {
  exported_graph(const subgraph& graph, const std::string& about);

  const subgraph& what;
  std::string description;          // one line: what it is, and which way edges lead
  std::vector<std::string> labels;  // (size), fit for one line of any format and all different

  neuron_id neurons() const { return what.model().neurons(); }
  bool is_sensory(neuron_id node) const { return node >= neurons(); }
  // Whether labels are names, not numbers.
  bool has_names() const { return !what.model().neuron_names().empty(); }
  bool has_communities() const { return !what.community().empty(); }
};

inline bool is_inhibitory(const subgraph_edge& e) { return std::signbit(e.weight); }
inline const char* sign_of(const subgraph_edge& e) {
  return is_inhibitory(e) ? "inhibitory" : "excitatory";
}
std::string id_of(const subgraph& g, const subgraph_edge& e);  // "gx_excitatory/17"

// With nine digits every float32 comes back as it was; integers have all of theirs, up to 2^53, so
// that they do not look rounded.
std::string shown_weight(float weight);

// Text that is written piece by piece.
class text_output {
 public:
  explicit text_output(const std::filesystem::path& path) : file_(path) {}

  template <class... T>
  void add(fmt::format_string<T...> format, T&&... values) {
    fmt::format_to(std::back_inserter(held_), format, std::forward<T>(values)...);
    if (held_.size() >= std::size_t{1} << 16) flush();
  }
  void close() {
    flush();
    file_.close();
  }

 private:
  void flush() {
    file_.write({held_.data(), held_.size()});
    held_.clear();
  }

  csv_file file_;
  fmt::memory_buffer held_;
};

// A text inside an element or an attribute of XML.

// Each writes whole new files at paths that do not exist.
void write_graphml(const exported_graph& g, const std::filesystem::path& to);
void write_gexf(const exported_graph& g, const std::filesystem::path& to);
void write_csv_edges(const exported_graph& g, const std::filesystem::path& to);
void write_csv_nodes(const exported_graph& g, const std::filesystem::path& to);
void write_matrix_market(const exported_graph& g, const std::filesystem::path& to);
void write_npz(const exported_graph& g, const std::filesystem::path& to);
// Into an empty folder.
void write_sonata(const exported_graph& g, const std::filesystem::path& folder, bool for_nest);

}  // namespace bdh::graph_formats
