// The attributes that a GEXF file declares for its nodes and edges, and what those of edges mean.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "io/graph/graph_file.hpp"

namespace bdh::graph_formats {

enum class gexf_role { none, weight, type, sign };

struct gexf_attribute {
  std::string title = {};
  std::optional<std::string> otherwise = {};  // the default
  gexf_role role = gexf_role::none;
};

class gexf_attributes {
 public:
  explicit gexf_attributes(edge_list& list) : list_(list) {}

  // What is declared next belongs to edges, or to nodes.
  void begin(bool of_edges) { of_edges_ = of_edges; }
  // All throw input_error: an attribute again, or one that is not declared, at `line`.
  void declare(std::string_view id, std::string_view title, std::uint64_t line);
  void take_default(std::string_view text) {
    open_->otherwise = text;
    roles_known_ = false;
  }
  const gexf_attribute& use(bool of_edge, std::string_view id, std::uint64_t line);
  // Edges have the weight that GEXF gives each of them. Throws input_error where another attribute
  // can be the rate or the retention that is looked for, which has other names than the weight.
  void expect_only_weight();
  // Of edges without a weight, a type or a sign.
  const std::optional<std::string>& default_of(gexf_role role);

 private:
  using declared = std::map<std::string, gexf_attribute, std::less<>>;
  void find_roles();

  edge_list& list_;
  declared of_node_, of_edge_;
  gexf_attribute* open_ = nullptr;
  std::string weight_title_;
  bool of_edges_ = false, roles_known_ = false;
  std::array<std::optional<std::string>, 4> defaults_;  // of each role
};

}  // namespace bdh::graph_formats
