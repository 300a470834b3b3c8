// What the GPU engine keeps on a device, and how it is planned and uploaded: arrays of the model,
// which streams share, and of a stream.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <bdh/engine.hpp>
#include <bdh/model.hpp>

#include "core/simulation/partition.hpp"
#include "gpu/device/buffer.hpp"
#include "gpu/engine/token_chooser.hpp"
#include "gpu/programs/program_list.hpp"

namespace bdh::gpu {

// A projection as it is, on the device.
struct device_projection {
  buffer<edge_id> indptr;  // empty: dense rows
  buffer<neuron_id> indices;
  buffer<float> weights;
  buffer<bfloat16> narrow;  // in place of weights
  stored_weights view() const noexcept { return {weights.data(), narrow.data()}; }
  bool has_long_rows = false;

  void plan(memory_plan& memory, const projection& p);
  void upload(const projection& p);
};

// Rows that are given one lane each, and those that are given a warp.
struct row_bins {
  std::vector<index> few_edges, many_edges;
  buffer<index> few, many;  // of them; empty: all rows have few

  void plan(memory_plan& memory, std::span<const edge_id> degrees, const std::string& what);
  void upload();
};

// What a token leaves for the host, in one block. Logits stay on the device until they are
// read.
struct result_layout {
  std::size_t any, gains, active_x, active_y, units, counted,
      bytes;  // counted: edges, then Hebbian writes, of rows that are not dense
  std::size_t layers;
  std::size_t sent_x = 0, sent_y = 0, spikes = 0;  // where activity travels as spikes
  result_layout(const model& m, bool spikes);
};

// Of a stream whose X or Y travels as spikes.
struct spike_arrays {
  enum kind { of_x, of_y, clipped, travelled };  // what is counted; travelled: over edges
  static constexpr index kinds = 4;

  std::shared_ptr<const spiking> how;  // null: activity travels as it is
  std::uint64_t seed = 0;
  buffer<float> x, y;             // as they travel
  buffer<index> list_x, list_y;   // those that have a spike
  buffer<index> spikes, numbers;  // of the last window; by which neurons draw, or empty
  buffer<std::uint64_t> tallies, total;

  bool emits(spike_source s) const noexcept { return how && how->emits(s); }
  void plan(memory_plan& memory, const model& m);
};

// Arrays of the model that both kinds of circuits have.
struct model_arrays {
  device_projection e, sensory, readout;
  buffer<double> frequency;
  buffer<index> positions;  // 0, 1, 2, ...
  buffer<float> one;        // 1

  void plan(memory_plan& memory, const model& m);
  void upload(const model& m);
};

// Arrays of a stream that both kinds of circuits have; w and partial are planned by each.
struct stream_arrays {
  buffer<float> cosine, sine;   // rotation pairs of a head, at angles_at
  buffer<std::uint64_t> token;  // its id, the clock of each layer when it began, the key of spikes
  buffer<std::byte> results;    // as result_layout says
  buffer<std::uint64_t> tallies, total;  // by edges and writes; the sums of their chunks
  buffer<float> logits;                  // readout nodes
  token_chooser chooser;
  buffer<fault_slot> fault_slots;
  buffer<float> x, y, drive;            // neurons
  buffer<float> w, hub_input, partial;  // W; what hubs receive, heads x hubs; sums of blocks
  buffer<float> y_values;               // of active Y
  buffer<index> list_x, list_y, list_units, start;
  std::vector<buffer<float>> stored;             // strengths, layer l at [l - 1]
  std::vector<buffer<std::uint64_t>> last_used;  // by row unit
  buffer<std::uint64_t> which;                   // synapses to be read or written
  buffer<float> strengths;                       // and their strengths

  void plan(memory_plan& memory, const model& m, const result_layout& layout,
            const block_grid& grid);
};

}  // namespace bdh::gpu
