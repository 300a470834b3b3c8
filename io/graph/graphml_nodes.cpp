#include "io/graph/graphml_nodes.hpp"

#include <utility>

#include <bdh/error.hpp>

#include "io/graph/graph_file_detail.hpp"
#include "io/graph/listed_nodes.hpp"

namespace bdh::graph_formats {

neuron_id graphml_nodes::slot_of(std::string_view id, const edge_list& file, std::uint64_t line) {
  const neuron_id slot = ids_.number_of(id, file, line);
  if (slot == slots_.size()) slots_.push_back(no_node);
  return slot;
}

void graphml_nodes::list(std::string_view id, const edge_list& file, std::uint64_t line) {
  const neuron_id slot = slot_of(id, file, line);
  if (slots_[slot] != no_node)
    throw input_error(file.place(line), "node " + shown(id) + " again", "each node once");
  slots_[slot] = nodes_++;
  in_order_ = in_order_ && slots_[slot] == slot;
}

void graphml_nodes::finish_node(const node& n) {
  named_ = named_ && is_name(n.name) && names_.add(n.name).second;
  numbers_.push_back(n.number.value_or(~std::uint64_t{0}));
}

void graphml_nodes::number_edges(edge_list& to) const {
  if (nodes_ != slots_.size())
    for (const graph_edge& e : to.edges)
      for (const neuron_id slot : {e.source, e.target})
        if (slots_[slot] == no_node)
          throw input_error(to.place(e.line), "an edge of a node that is not in the file",
                            "one of the " + std::to_string(nodes_) + " nodes",
                            "node " + shown(ids_.name(slot)) + " is missing");
  if (in_order_) return;
  for (graph_edge& e : to.edges) e.source = slots_[e.source], e.target = slots_[e.target];
}

std::vector<std::string> graphml_nodes::take_ids() {
  std::vector<std::string> ids = ids_.take(), in_order(nodes_);
  for (std::size_t slot = 0; slot < ids.size(); ++slot)
    in_order[slots_[slot]] = std::move(ids[slot]);
  return in_order;
}

// Of our own exports of whole models: whether neurons have names, and the number of each.
bool graphml_nodes::take_stated(edge_list& to) {
  const bool names = stated_ids_ == "names" && named_;
  if (stated_ids_ != "numbers" && !names) return false;
  std::vector<bool> seen(nodes_);
  for (const std::uint64_t n : numbers_) {
    if (n >= nodes_ || seen[n] || stated_neurons_ != nodes_)
      throw input_error(to.file, "nodes whose numbers are not those of all neurons",
                        "0 to " + std::to_string(nodes_ - 1) + ", each once",
                        "without the graph's data bdh.ids they are not read");
    seen[n] = true;
  }
  for (graph_edge& e : to.edges)
    for (neuron_id* end : {&e.source, &e.target}) *end = static_cast<neuron_id>(numbers_[*end]);
  if (!names) {
    to.source.size = nodes_;
    return true;
  }
  std::vector<std::string> given = names_.take();
  to.source.names.resize(nodes_);
  for (std::size_t i = 0; i < given.size(); ++i) to.source.names[numbers_[i]] = std::move(given[i]);
  return true;
}

void graphml_nodes::finish(edge_list& to, bool may_have_names, std::uint64_t file_bytes) {
  if (nodes_ == 0) throw input_error(to.file, "a graph without nodes", "neurons");
  number_edges(to);
  const bool by_ids = to.how.ids == node_ids::from_0 || to.how.ids == node_ids::from_1;
  if (by_ids) {
    to.source.names = take_ids();
    return;
  }
  if (take_stated(to)) return;
  if (!named_ && may_have_names)
    to.remarks.push_back(to.file + ": nodes have no names that all are different, of 1 to " +
                         std::to_string(longest_name) +
                         " bytes: neurons are called by the ids of nodes");
  if (named_)
    to.source.names = names_.take();
  else
    number_listed(take_ids(), true, file_bytes, to);
}

}  // namespace bdh::graph_formats
