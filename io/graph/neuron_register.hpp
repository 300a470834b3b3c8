// All neurons of a model that is made from graph files: those that the files name, or as many as
// they state.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/graph/graph_file.hpp"
#include "io/graph/graph_ids.hpp"

namespace bdh {

class neuron_register {
 public:
  // `circuits`: edges between neurons, which have all neurons that there are. Where one of them has
  // names, numbers that another lists as ids are names too. `synapses`: may be null. `neurons`: as
  // the user states it. Throws input_error or shape_error where the files have different neurons,
  // or so few of them an edge that their ids cannot count neurons; where synapses have others than
  // the circuits; and where ids are rounded numbers.
  neuron_register(std::span<edge_list* const> circuits, edge_list* synapses,
                  std::optional<neuron_id> neurons);

  neuron_id size() const noexcept { return size_; }
  bool named() const noexcept { return named_; }
  std::vector<std::string> take_names() { return names_.take(); }
  std::string shown(neuron_id i) const;

  // Numbers one end of a file's edges as the neurons are numbered. Throws for what is no neuron.
  void renumber(edge_list& f, const graph_nodes& nodes, neuron_id graph_edge::*end) const;
  // On neurons that no edge touches, where the number of neurons follows from the ids alone, and on
  // those that the first circuit does not have.
  const std::vector<std::string>& remarks() const noexcept { return remarks_; }

 private:
  void collect_names(std::span<edge_list* const> circuits);
  void collect_sizes(std::span<edge_list* const> circuits, const edge_list* synapses,
                     std::optional<neuron_id> neurons);
  void count_touched(std::span<edge_list* const> circuits, const edge_list* synapses);
  neuron_id number_of(std::string_view name, const edge_list& f) const;
  // Remarks on the neurons from `first` on, which this file has besides those of another.
  void note_more(const edge_list& f, const std::string& another, neuron_id first);

  graph_formats::name_table names_;
  bool named_ = false;
  neuron_id size_ = 0;
  std::vector<std::string> remarks_;
};

}  // namespace bdh
