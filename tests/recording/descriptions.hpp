// Recordings of each layout, for the tests that write and read them.
#pragma once

#include "io/recording/recording.hpp"

namespace tests {

// Three synapses, every second token from token 4 on; the last one has no edge.
inline bdh::recording_description frames() {
  bdh::recording_description d;
  d.name = "synapses_2.h5";
  d.request = "synapses:0->3,4->3,1->7";
  d.what = bdh::quantity::synapses;
  d.layout = bdh::recording_layout::frames;
  d.layer = 2;
  d.every = 2;
  d.start = 4;
  d.width = 3;
  d.population = "neurons";
  d.node_ids = {3, 7};
  d.index_pointers = {0, 2, 3};
  d.element_ids = {5, 6, 20};
  d.synapses = {{0, 3, 5}, {4, 3, 6}, {1, 7}};
  return d;
}

// X of layer 1.
inline bdh::recording_description events(std::uint64_t neurons) {
  bdh::recording_description d;
  d.name = "events_x_1.h5";
  d.request = "events";
  d.what = bdh::quantity::x;
  d.layout = bdh::recording_layout::events;
  d.layer = 1;
  d.width = neurons;
  d.population = "neurons";
  return d;
}

inline bdh::recording_description logits() {
  bdh::recording_description d;
  d.name = "logits.h5";
  d.request = "logits";
  d.width = 5;
  d.population = "readout";
  return d;
}

}  // namespace tests
