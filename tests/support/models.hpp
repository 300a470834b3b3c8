// Models for tests: random weights in the oracle's form, and the same as a graph.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <bdh/model.hpp>

#include "oracle/oracle.hpp"

namespace tests {

struct shape {
  int neurons_per_head = 32, heads = 1, hubs = 8, vocabulary = 11, layers = 2;
  bool rotates = true;
};

// Normal weights, scaled so that activity neither dies nor explodes in a few dozen tokens of any
// variant.
oracle::weights random_weights(const shape& s, std::uint64_t seed);

bdh::model as_graph(const oracle::weights& w, const std::string& variant);

// The same model with every projection stored as CSR, all edges kept.
bdh::model as_sparse_graph(const oracle::weights& w, const std::string& variant);

// A sparse direct graph: `degree` edges to a neuron on average, a fifth of them inhibitory, in each
// circuit; synapses of random rate, both members of a rotation pair to the same targets (a missing
// partner at rate 0); tokens excite a few neurons.
struct graph_shape {
  int neurons = 40, heads = 1, vocabulary = 7, layers = 2;
  double degree = 6;
  bool rotates = false;
  bool own_retention = false;  // u per synapse
  double retention = 1;
};
oracle::circuits random_circuits(const graph_shape& s, std::uint64_t seed);

// Explicit edges for every entry that is not zero; synapses where either member of a pair has a
// rate. `pool` gives the hubs of a model made from tensors, whose sources are the neurons and the
// sensory nodes; without it sources are the neurons.
bdh::model as_direct_graph(const oracle::circuits& c, const std::string& variant,
                           const oracle::weights* pool, bool own_retention);

// The same, kept in a random order that heads and rotation pairs allow.
bdh::model in_random_order(bdh::model m, std::uint64_t seed);

std::vector<int> random_tokens(int count, int vocabulary, std::uint64_t seed);

}  // namespace tests
