// Edges between tokens and neurons: what a token excites, and what is read from neurons.
#pragma once

#include <optional>
#include <string>

#include <bdh/model.hpp>

#include "io/graph/graph_import.hpp"
#include "io/graph/neuron_register.hpp"

namespace bdh::graph_formats {

inline constexpr neuron_id default_vocabulary = 256;

// Remarks and what is not used of the files that are read are added to `report`.
projection read_sensory(const graph_import_options& o, const neuron_register& neurons,
                        edge_list& report);
projection read_readout(const graph_import_options& o, const neuron_register& neurons,
                        neuron_id tokens, edge_list& report);

void expect_not_negative(const edge_list& f, const char* what);
// Appends the remarks of `from`, and what is not used of it.
void add_report(edge_list& to, const edge_list& from);

}  // namespace bdh::graph_formats
