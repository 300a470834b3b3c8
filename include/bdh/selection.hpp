// What users write to choose neurons and synapses, in every command:
//
//     neurons    5   7-9   Purkinje_3   all   random:10@1   top:10
//     synapses   3->7   3->token:65   in:7   out:3   all   random:100@1   top:10
//
// separated by commas. random:10@1: ten, drawn with seed 1; top:10: the largest values of the
// moment. Neurons with names are selected by them; where some names are numbers, or beside names, a
// neuron's own number is written #5, so that the two are never mistaken. Between double quotes a
// name may hold commas, blanks and arrows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <bdh/ids.hpp>
#include <bdh/model.hpp>

namespace bdh {

struct neuron_choice {
  std::vector<neuron_id> neurons;  // ascending, each once
  // != 0: instead, that many neurons with the largest values, chosen at every use.
  std::uint64_t top = 0;
};

struct synapse_choice {
  std::vector<neuron_pair> pairs;  // ascending, each once
  // != 0: instead, that many synapses with the largest absolute strengths, chosen at every use.
  std::uint64_t top = 0;
};

// All throw input_error naming the valid range or what was not understood.
neuron_id select_neuron(const model& m, std::string_view text);
neuron_id select_source(const model& m, std::string_view text);  // a neuron, or "token:65"
neuron_choice select_neurons(const model& m, std::string_view text);
// "3->7": any pair, whether the model has this edge or not.
neuron_pair select_synapse(const model& m, std::string_view text);

// in:, out:, all and random: mean the edges of gs in models with explicit edges. Through hubs every
// pair of neurons may be named, but not `all` nor `top`: nothing stores the strengths of n^2 pairs.
synapse_choice select_synapses(const model& m, std::string_view text);

// Edges of a circuit, "source->neuron" each.
std::vector<neuron_pair> select_edges(const model& m, std::string_view text);

// "1-3,5", within 1..L; ascending, each once.
std::vector<layer_id> select_layers(const model& m, std::string_view text);

std::string shown_neuron(const model& m, neuron_id neuron);       // its name, or its number
std::string shown_source(const model& m, neuron_id source);       // ... or "token:65"
std::string shown_pair(const model& m, const neuron_pair& pair);  // "3->7"

}  // namespace bdh
