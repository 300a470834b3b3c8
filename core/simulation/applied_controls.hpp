// Interventions as an engine applies them, for the token to come: per layer, neuron by neuron and
// edge by edge.
#pragma once

#include <cstdint>
#include <vector>

#include <bdh/ids.hpp>

namespace bdh {

struct neuron_value {
  neuron_id neuron;
  float value;
};

// A term of a single neuron pair that is taken away from what comes through hubs.
struct cut_term {
  neuron_id source, target;
  double value;  // of an edge of gx: Gx(source->target) W(source); of a synapse: its strength
  friend bool operator<(const cut_term& a, const cut_term& b) {
    return a.source != b.source ? a.source < b.source : a.target < b.target;
  }
  friend bool operator==(const cut_term& a, const cut_term& b) {
    return a.source == b.source && a.target == b.target;
  }
};

struct layer_controls {
  std::vector<neuron_value> add_x, add_y;    // ascending: to the drive, before the threshold
  std::vector<neuron_value> hold_x, hold_y;  // ascending: in place of the value, after it
  bool frozen = false;                       // no Hebbian writing
  float inhibition = 1;                      // factor of what comes over inhibitory edges
  // Explicit edges: ids that transmit nothing, ascending.
  std::vector<edge_id> mute_gx_excitatory, mute_gx_inhibitory, mute_gy_excitatory,
      mute_gy_inhibitory;
  std::vector<edge_id> mute_synapses;
  // Circuits through hubs.
  std::vector<cut_term> cut_gx, cut_synapses;
};

struct applied_controls {
  std::vector<layer_controls> layers;  // L
  std::vector<neuron_id> removed;      // ascending: W is 0 from the token on, A is 0
};

}  // namespace bdh
