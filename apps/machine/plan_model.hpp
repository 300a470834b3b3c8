// What a model takes and moves, in bytes, and how long a token takes: the formulas of
// docs/performance.md.
#pragma once

#include <cstdint>
#include <optional>

#include <bdh/model.hpp>

namespace bdh::app {

// Sizes of a model that need not exist.
struct planned_model {
  std::uint64_t neurons = 0, hubs = 0,
                vocabulary = 256;  // no hubs: the paper's graph, whose sensory nodes are no sources
  layer_id layers = 1;
  head_id heads = 1;
  bool rotates = true;
  bool direct = false;
  bool bfloat16 = false;  // weights of the circuits
  // Explicit edges: out of a source in each of Gx and Gy, excitatory and inhibitory together, and
  // out of a neuron in Gs.
  double gx_degree = 0, gy_degree = 0, gs_degree = 0;
  double gx_rows = 2,
         gy_rows = 2;   // of a source in Gx, of a target in Gy: one of excitatory and one of
                        // inhibitory edges, where it has both
  double x = 0, y = 0;  // active shares of the neurons

  // Of explicit edges without hubs: from the sensory nodes to neurons, from sources to readout
  // nodes.
  double sensory_edges = 0, readout_edges = 0;
  bool own_retention = false;  // u of every synapse
  // neurons are kept in an order of their own (core/simulation/permuted_engine.hpp)
  bool ordered = false;

  double sources() const {
    return static_cast<double>(neurons) + (hubs != 0 ? static_cast<double>(vocabulary) : 0.0);
  }
};

planned_model plan_of(const model& m);  // x and y are left to the caller
// Explicit edges, `degree` of them to a source, or all: from a plan through hubs, or of neurons
// alone.
planned_model with_explicit_edges(planned_model of, std::optional<double> degree);

struct planned_bytes {
  std::uint64_t model = 0, synapses = 0;  // as model::bytes() and model::synapse_bytes()
  std::uint64_t working = 0;              // all other state of the CPU engine
  std::uint64_t total() const { return model + synapses + working; }
};
planned_bytes memory_of(const planned_model& p, site_id sites);

// The largest number of neurons of the same kind that fits.
std::uint64_t most_neurons(planned_model p, site_id sites, double bytes);

// Moved by a token, in bytes: every array that it needs counted once, but what is written, which is
// read and written.
struct planned_traffic {
  double matrices = 0,
         hub_synapses = 0;  // through hubs: rows of Dx, Dy, E, or of the pool; rows of the synapses
  double push = 0, pull = 0, synapses = 0;  // explicit edges: Gx; Gy; Gs
  double between_sites = 0;                 // from one site to another
  double floor() const { return matrices + hub_synapses + push + pull + synapses; }

  // Work that is not in the bytes. Edges and synapses over which a value travels, and synapses
  // written; begun rows of explicit edges, array by array: those of sources by every thread, which
  // has the targets that are its own, those of targets by one; neurons, layer by layer; how often
  // sites, and so threads, wait for each other's messages.
  double edges = 0, writes = 0;
  double rows_of_sources = 0, rows_of_targets = 0;
  double row_edges = 0;  // of a row of explicit edges, on average
  double neurons = 0, meetings = 0;
};
planned_traffic traffic_of(const planned_model& p, site_id sites);

// Of the memory, caches included, over as many bytes as lie between two uses of a thing: for
// weights, which all layers share, those of a layer; for strengths those of a token; for single
// rows of explicit edges somewhere between those of a token and all of the model and its synapses:
// their geometric mean.
struct memory_speed {
  double weights = 0, strengths = 0;  // bytes/s read by all cores
  double latency = 150e-9;            // s until an unpredictable address has its value
};
double floor_of(const planned_traffic& t,
                const memory_speed& memory);  // s, of nothing but its bytes

// What the CPU engine takes, one stream, token by token: a share of the bandwidth, and seconds of a
// core. Fitted to runs: docs/performance.md has them, and how well they are predicted;
// bench/run.sh plan repeats it.
struct engine_speed {
  double share = 0.85;
  double edge = 0.7e-9, write = 0.9e-9;  // an explicit edge or synapse over which a value travels;
                                         // a synapse that is written
  double row = 16e-9;     // a row of explicit edges that is begun, beside the latency of the memory
                          // where it is long:
  double long_row = 20;   // edges. While it waits for shorter ones, a core goes on to the next
  double neuron = 3e-9;   // of a layer
  double meeting = 1e-6;  // of all threads
};
double seconds_of(const planned_traffic& t, const memory_speed& memory, double threads,
                  const engine_speed& taken);

}  // namespace bdh::app
