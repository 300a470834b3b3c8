// All neurons of a model that is made from graph files: those that the files name, or as many as
// they state.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/graph/graph_file.hpp"
#include "io/graph/graph_ids.hpp"

namespace bdh {

class neuron_register {
 public:
  // `files`: edges between neurons. Where one of them has names, numbers that another lists as ids
  // are names too. `neurons`: as the user states it. Throws input_error or shape_error where the
  // files have different neurons, or so few of them an edge that their ids cannot count neurons.
  neuron_register(std::span<edge_list* const> files, std::optional<neuron_id> neurons);

  neuron_id size() const noexcept { return size_; }
  bool named() const noexcept { return named_; }
  std::vector<std::string> take_names() { return names_.take(); }
  std::string shown(neuron_id i) const;

  // Numbers one end of a file's edges as the neurons are numbered. Throws for what is no neuron.
  void renumber(edge_list& f, const graph_nodes& nodes, neuron_id graph_edge::*end) const;
  // On neurons that no edge touches, where the number of neurons follows from the ids alone.
  const std::vector<std::string>& remarks() const noexcept { return remarks_; }

 private:
  void collect_names(std::span<edge_list* const> files);
  void collect_sizes(std::span<edge_list* const> files, std::optional<neuron_id> neurons);
  void count_touched(std::span<edge_list* const> files);

  graph_formats::name_table names_;
  bool named_ = false;
  neuron_id size_ = 0;
  std::vector<std::string> remarks_;
};

}  // namespace bdh
