// Arrays on a device of a model with explicit edges, and of a stream over it.
#pragma once

#include <optional>

#include <bdh/model.hpp>

#include "gpu/engine/device_arrays.hpp"

namespace bdh::gpu {

// Edges that drive X: where they end, and the row starts by source, for counting.
struct edges_by_target {
  device_projection edges;
  row_bins bins;
  buffer<edge_id> source_indptr;
  std::optional<projection> host;  // made when an edge is cut

  void plan(memory_plan& memory, const projection& p);
  void upload(const projection& p);
};

// Synapses by head and target: row h * sources + j.
struct incoming_synapses {
  buffer<edge_id> indptr, edge;
  buffer<neuron_id> source;
  row_bins bins;

  void plan(memory_plan& memory, const model& m);
  void upload(const model& m);
};

struct direct_model_arrays {
  edges_by_target gx_excitatory, gx_inhibitory;
  device_projection gy_excitatory, gy_inhibitory, gs, tokens;
  buffer<float> u;  // by synapse; empty: one for all
  incoming_synapses incoming;
  buffer<index> block_first, sensory_first;  // first source of each block

  void plan(memory_plan& memory, const model& m, const block_grid& grid);
  void upload(const model& m, const block_grid& grid);
};

struct direct_stream_arrays {
  buffer<float> w_source, a, gain_a, excitatory, inhibitory;
  buffer<float> unit_x, unit_cosine, unit_sine, decay, used_x;  // of units in use, and by neuron
  buffer<std::uint64_t> age, used_age;

  void plan(memory_plan& memory, const model& m);
};

}  // namespace bdh::gpu
