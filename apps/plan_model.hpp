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
  bool ordered = false;        // neurons are kept in an order of their own (core/ordered_engine.hpp)

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
  double between_sites = 0;                 // from one site to another
  double floor() const { return matrices + hub_synapses + push + pull + synapses; }

  // Work that bytes do not tell of. Edges and synapses over which a value travels, and synapses written; rows of explicit edges
  // that are begun, in one of their arrays: those of sources by every thread, which has the targets that are its own, those of
  // targets by one; neurons, layer by layer; how often threads wait for each other.
  double edges = 0, writes = 0;
  double rows_of_sources = 0, rows_of_targets = 0;
  double neurons = 0, meetings = 0;
};
planned_traffic traffic_of(const planned_model& p, site_id sites);

// What the CPU engine reaches, one stream, token by token: a share of the read bandwidth of all cores, and seconds of a core: for an edge,
// for a synapse that is written, for the memory to answer where a row of explicit edges begins, for a neuron of a layer, for the
// threads to meet. Fitted to runs; docs/performance.md tells which, and how well they are foreseen.
struct engine_speed {
  double share = 0.85;
  double edge = 1.0e-9, write = 1.2e-9, row = 100e-9, neuron = 3e-9, meeting = 5e-6;
};
// Rows of hubs are bound by the bandwidth, edges by it or by the cores.
double seconds_of(const planned_traffic& t, double bandwidth, double threads, const engine_speed& reached);

}  // namespace bdh::app
