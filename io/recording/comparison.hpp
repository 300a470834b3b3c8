// What differs between two recorded runs. Values are compared where both have them: up to the first
// token that differs, at the positions and for the neurons and synapses that both recorded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/recording/run_reader.hpp"

namespace bdh {

// Of what the runs were made with; not of what they compute with (threads, sites, instructions),
// which changes nothing.
struct setting_difference {
  std::string name, a, b;  // values as JSON; empty: not there
};

// What first differs: nothing means "none of those compared".
struct activity_comparison {
  // What it rests on: X and Y of neurons; active shares of summary.csv; logits; nothing that both
  // have.
  enum class basis { neurons, summary, logits, none };
  struct difference {
    std::uint64_t position = 0;
    layer_id layer = 0;  // 0: logits are of no layer
    quantity what = quantity::x;
    std::uint64_t particle = 0;  // neuron or readout node; of the summary none
    std::optional<double> a, b;  // of the summary shares of the neurons; nothing: not among the
                                 // largest, which is all that is known
  };
  basis from = basis::none;
  std::uint64_t values = 0;  // compared, up to the first that differs
  std::optional<difference> first;
};

// Of the distributions softmax(logits) over the next token, at the positions of both.
struct divergence {
  std::vector<std::uint64_t> positions;
  std::vector<double> nats;     // KL(A || B)
  std::vector<double> largest;  // difference of a logit
  std::vector<token_id> of;     // ... of this token
};

struct synapse_difference {
  std::string report;  // of A
  layer_id layer = 0;
  std::uint64_t position = 0;
  std::optional<neuron_id> pre;  // nothing: see edge
  neuron_id post = 0;
  bool to_hub = false;
  std::optional<edge_id> edge;  // its position in the model file
  double a = 0, b = 0;
};
struct synapse_comparison {
  std::uint64_t compared = 0, differing = 0;
  std::vector<synapse_difference> largest;  // by absolute difference, descending
};

struct run_comparison {
  std::vector<setting_difference> settings;
  std::uint64_t first = 0,
                until = 0;  // positions compared: [first, until), where the tokens are the same
  std::optional<std::uint64_t> token;    // the first position of both where the tokens differ
  std::uint64_t only_a = 0, only_b = 0;  // tokens of positions that the other run does not have
  activity_comparison activity;
  std::optional<divergence> output;  // nothing: not both have logits of one size
  synapse_comparison synapses;
  double tolerance = 0;

  bool differ() const;  // in tokens or values; other settings alone make no difference
};

// `tolerance`: values of activity and synapses that differ by no more are the same. `top`: so many
// synapses are listed. Throws input_error, with its way out, for recordings that cannot be read.
run_comparison compare(const run_reader& a, const run_reader& b, double tolerance,
                       std::uint64_t top);

}  // namespace bdh
