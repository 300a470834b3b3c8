// Models for tests: random weights in the oracle's form, and the same as a graph.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/model.hpp"
#include "oracle/oracle.hpp"

namespace tests {

struct shape {
  int neurons_per_head = 32, heads = 1, hubs = 8, vocabulary = 11, layers = 2;
  bool rotates = true;
};

// Normal weights, scaled so that activity neither dies nor explodes in a few dozen tokens of any variant.
oracle::weights random_weights(const shape& s, std::uint64_t seed);

bdh::model as_graph(const oracle::weights& w, const std::string& variant);

// The same model with every projection stored as CSR, all edges kept.
bdh::model as_sparse_graph(const oracle::weights& w, const std::string& variant);

std::vector<int> random_tokens(int count, int vocabulary, std::uint64_t seed);

}  // namespace tests
