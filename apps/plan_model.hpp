// What a model takes and moves, in bytes, and how long a token takes: the formulas of docs/performance.md.
#pragma once

#include <cstdint>
#include <optional>

#include "core/model.hpp"

namespace bdh::app {

// Sizes of a model that need not exist.
struct planned_model {
  std::uint64_t neurons = 0, hubs = 0, vocabulary = 256;  // no hubs: the paper's graph, whose sensory nodes are no sources
  layer_id layers = 1;
  head_id heads = 1;
  bool rotates = true;
  bool direct = false;
  bool bfloat16 = false;  // weights of the circuits
  // Explicit edges: out of a source in each of Gx and Gy, excitatory and inhibitory together, and out of a neuron in Gs.
  double gx_degree = 0, gy_degree = 0, gs_degree = 0;
  double x = 0, y = 0;  // active shares of the neurons

  // Of explicit edges without hubs: from the sensory nodes to neurons, from sources to readout nodes.
  double sensory_edges = 0, readout_edges = 0;
  bool own_retention = false;  // u of every synapse

  double sources() const { return static_cast<double>(neurons) + (hubs != 0 ? static_cast<double>(vocabulary) : 0.0); }
};

planned_model plan_of(const model& m);  // x and y are left to the caller
// Explicit edges, `degree` of them to a source, or all: from a plan through hubs, or of neurons alone.
planned_model with_explicit_edges(planned_model of, std::optional<double> degree);

struct planned_bytes {
  std::uint64_t model = 0, synapses = 0;  // as model::bytes() and model::synapse_bytes()
  std::uint64_t working = 0;              // all other state of the CPU engine
  std::uint64_t total() const { return model + synapses + working; }
};
planned_bytes memory_of(const planned_model& p, site_id sites);

// The largest number of neurons of the same kind that fits.
std::uint64_t most_neurons(planned_model p, site_id sites, double bytes);

// Moved by a token, in bytes: every array that it needs counted once, but what is written, which is read and written.
struct planned_traffic {
  double matrices = 0, hub_synapses = 0;    // through hubs: rows of Dx, Dy, E, or of the pool; rows of the synapses
  double push = 0, pull = 0, synapses = 0;  // explicit edges: Gx; Gy; Gs
  double row_starts = 0;                    // how often a row of explicit edges is begun in one of its arrays; no bytes
  double between_sites = 0;                 // from one site to another
  double floor() const { return matrices + hub_synapses + push + pull + synapses; }
};
planned_traffic traffic_of(const planned_model& p, site_id sites);

// What the CPU engine reaches, one stream, token by token, on all cores: of the read bandwidth, over each kind of bytes; and the
// seconds that a core waits where a row of explicit edges begins, which nothing has fetched ahead. First estimates from runs on two busy
// cores; bench/run.sh plan tells how well they foresee a run.
struct engine_speed {
  double matrices = 0.85, hub_synapses = 0.85, push = 0.45, pull = 0.45, synapses = 0.6;
  double row_start = 80e-9;
};
double seconds_of(const planned_traffic& t, double bandwidth, double threads, const engine_speed& reached);

}  // namespace bdh::app
