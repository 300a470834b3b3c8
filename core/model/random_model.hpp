// Models drawn at random: Gx, Gy and Gs are independent graphs of one family, a share of the
// neurons is inhibitory (Dale: all their edges in Gx and Gy inhibit), weights are log-normal. What
// the seed decides is drawn once; gains are put in by make(), which may be called again and again
// (tuning.hpp in kernels does).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <bdh/model.hpp>

#include "graph/generators.hpp"

namespace bdh {

struct random_model_recipe {
  graph_recipe graph;
  double inhibitory = 0.2;  // share of the neurons, 0 <= share < 1
  neuron_id vocabulary = 256;
  std::uint64_t seed = 0;
  layer_id layers = 2;
  head_id heads = 1;
  std::string dynamics = "bdh";  // or "normfree"
  double retention = 0.99;
  std::optional<double> theta;  // rotation, of a geometric table; none: nothing rotates
  bool readout = true;
};

// What tuning finds. Weights of Gx are gx * w (excitatory) and gx * inhibition_x * w; Gy likewise.
struct circuit_gains {
  // Excitatory neurons that a token drives, at weight 1; inhibitory ones: driven_inhibitory().
  neuron_id sensory_edges = 1;
  double gx = 1, gy = 1;
  double inhibition_x = 1, inhibition_y = 1;

  bool operator==(const circuit_gains&) const = default;
};

// What reaches every neuron from single tokens over Gx, both gains 1: (tokens x neurons), token by
// token.
struct token_drive {
  std::vector<float> excitatory, inhibitory;
};

class random_circuits {
 public:
  // Draws. Weights w are log-normal with mean 1 and sigma 1 of the logarithm; Gs has rate 1, and
  // rate 0 at partners that rotation needs. Throws input_error naming the parameter that is out of
  // range.
  explicit random_circuits(const random_model_recipe& r);

  model make(const circuit_gains& g) const;

  // X of layer 1 is (excitatory - inhibition_x * inhibitory)_+ gx. The first `tokens` of the
  // vocabulary.
  token_drive drive(neuron_id sensory_edges, token_id tokens) const;

  const random_model_recipe& recipe() const noexcept { return recipe_; }
  // How many inhibitory neurons each token drives, such that a neuron receives edges from 2.5 of
  // them on average (why: random_model.cpp).
  neuron_id driven_inhibitory() const noexcept;
  neuron_id inhibitory_neurons() const noexcept {
    return static_cast<neuron_id>(inhibitory_.size());
  }

 private:
  struct signed_edges {
    projection excitatory, inhibitory;
  };
  void choose_inhibitory();
  signed_edges weigh(const edge_set& edges, std::uint64_t circuit, const std::string& name,
                     major rows) const;
  projection synapses(const edge_set& edges) const;
  void draw_driven(token_id token, neuron_id sensory_edges, std::vector<neuron_id>& to) const;
  projection sensory(neuron_id edges_per_token) const;
  projection readout() const;

  random_model_recipe recipe_;
  population neurons_;
  std::vector<neuron_id> inhibitory_, excitatory_;  // the two kinds of neurons, ascending
  std::vector<bool> inhibits_;                      // by neuron
  signed_edges gx_, gy_;
  projection gs_, readout_;
};

}  // namespace bdh
