// The keys of GraphML: what the data of nodes and edges mean.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "io/graph/edge_numbers.hpp"
#include "io/graph/graph_file.hpp"

namespace bdh::graph_formats {

// Without blanks and line ends at both ends.
std::string_view trimmed(std::string_view text);

enum class key_role { none, weight, type, sign, name, number, ids, neurons };

struct graphml_key {
  std::string id, of, name, type;
  std::uint64_t line = 0;
  std::optional<std::string> otherwise = {};  // the default
  key_role role = key_role::none;
  std::uint64_t used = 0;  // by so many edges
};

class graphml_keys {
 public:
  explicit graphml_keys(edge_list& to) : to_(to) {}

  // A key begins, has a default, ends. Throws input_error for one that is declared twice, or for
  // elements that there are not.
  void begin(graphml_key key);
  void take_default(const std::string& text);
  void finish();

  // The key of data of a node, an edge or a graph. Throws where it is not declared for these, where
  // weights are no numbers, and where two keys can be the weight.
  const graphml_key& use(std::string_view id, const char* of, std::uint64_t line);
  const std::string& default_name() const noexcept { return default_name_; }
  bool has_names() const noexcept { return has_names_; }
  // Of an edge without: the default, or 1, which is counted.
  float default_weight(edge_numbers& numbers);
  // Of an edge without a type or a sign; empty: none.
  std::string_view default_text(key_role role);

  void not_used(const std::string& what);  // once
  // Remarks on weights that are not there. `edges`: how many there are. Throws where these are
  // rates or retentions.
  void finish_edges(std::uint64_t edges);

 private:
  key_role role_of(const graphml_key& key) const;
  void find_roles();
  void take_role(const graphml_key& key);

  edge_list& to_;
  std::map<std::string, graphml_key, std::less<>> keys_;
  std::optional<graphml_key> open_;
  std::map<key_role, std::pair<std::string, std::uint64_t>> defaults_;  // of edges; and lines
  std::string default_name_;
  std::optional<float> default_weight_;
  std::uint64_t without_weight_ = 0;
  bool has_names_ = false, roles_are_known_ = false;
  std::set<std::string> noted_;
};

}  // namespace bdh::graph_formats
