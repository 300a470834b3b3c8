// The nodes of a GraphML file: ids, which edges may mention before they are listed, names, and the
// numbers that our own exports state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/graph/graph_ids.hpp"

namespace bdh::graph_formats {

class graphml_nodes {
 public:
  // `number` none: the node has none.
  struct node {
    std::string name = {};
    std::optional<std::uint64_t> number = {};
  };

  // The slot of an id, in the order in which ids are met; edges have these until finish().
  neuron_id slot_of(std::string_view id, const edge_list& file, std::uint64_t line);
  // The node with this id is listed. Throws input_error where it was before.
  void list(std::string_view id, const edge_list& file, std::uint64_t line);
  // What it has, after list().
  void finish_node(const node& n);

  // Of the graph, in our own exports of whole models: "numbers" or "names", and how many neurons.
  void state_ids(std::string_view ids) { stated_ids_ = ids; }
  void state_neurons(std::optional<std::uint64_t> neurons) { stated_neurons_ = neurons; }

  // Numbers the ends of the edges as the nodes are, which it gives the list. `may_have_names`: the
  // file has a key for them. Throws input_error where an edge has a node that is not listed, and
  // where stated numbers are not those of all neurons.
  void finish(edge_list& to, bool may_have_names, std::uint64_t file_bytes);

 private:
  static constexpr neuron_id no_node = ~neuron_id{0};

  void number_edges(edge_list& to) const;
  bool take_stated(edge_list& to);
  std::vector<std::string> take_ids();

  neuron_id nodes_ = 0;
  name_table ids_, names_;
  std::vector<neuron_id> slots_;  // slot -> node
  std::vector<std::uint64_t> numbers_;
  bool named_ = true, in_order_ = true;
  std::string stated_ids_;
  std::optional<std::uint64_t> stated_neurons_;
};

}  // namespace bdh::graph_formats
