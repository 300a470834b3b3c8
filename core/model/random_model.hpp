// Models drawn at random: Gx, Gy and Gs are independent graphs of one family, a share of the
// neurons is inhibitory (Dale: all their edges in Gx and Gy inhibit), weights are log-normal. What
// the seed decides is drawn once; gains are put in by make(), which may be called again and again
// (core/analysis/random_tuning.hpp does).
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <bdh/model.hpp>

#include "graph/generators.hpp"
#include "graph/measured_graphs.hpp"

namespace bdh {

struct random_model_recipe {
  graph_recipe graph;
  // In place of its family; graph.neurons is then its number of neurons, graph.degree nothing.
  std::shared_ptr<const measured_graph> measured;
  std::vector<bool> inhibits;           // by neuron; empty: a random share, `inhibitory`
  std::vector<std::string> names;       // of neurons, or empty
  std::vector<provenance::entry> from;  // of what measured it: files, rule
  std::vector<std::string> not_used;    // what these files have beside it
  edge_id most_edges = std::numeric_limits<edge_id>::max();  // of a measured graph
  double inhibitory = 0.2;                                   // share of the neurons, 0 <= share < 1
  // Mean number of edges that leave an inhibitory neuron in Gx and in Gy; 0: as graph.degree.
  neuron_id inhibitory_degree = 0;
  neuron_id vocabulary = 256;
  std::uint64_t seed = 0;
  layer_id layers = 2;
  head_id heads = 1;
  std::string dynamics = "bdh";  // or "normfree"
  double retention = 0.99;
  std::optional<double> theta;  // rotation, of a geometric table; none: nothing rotates
  bool readout = true;
};

const char* family_name(const random_model_recipe& r) noexcept;

// What tuning finds. Weights of Gx are gx * w (excitatory) and gx * inhibition_x * w; Gy likewise.
struct circuit_gains {
  // Excitatory and inhibitory neurons that a token drives, at weight 1: the same numbers for every
  // token, so that tokens differ in which neurons they drive and not in how many.
  neuron_id sensory_edges = 1, sensory_inhibitory = 0;
  double gx = 1, gy = 1;
  double inhibition_x = 1, inhibition_y = 1;

  bool operator==(const circuit_gains&) const = default;
};

class random_circuits {
 public:
  // Draws. Weights w are log-normal with mean 1 and sigma 1 of the logarithm; Gs has rate 1, and
  // rate 0 at partners that rotation needs. Throws input_error naming the parameter that is out of
  // range.
  explicit random_circuits(const random_model_recipe& r);

  // `tuning`: what the model keeps of how the gains were found.
  model make(const circuit_gains& g, std::vector<provenance::entry> tuning = {}) const;

  const random_model_recipe& recipe() const noexcept { return recipe_; }
  // So many inhibitory neurons that a neuron receives edges in Gx from 2.5 of them on average: with
  // these driven by a token, hardly a neuron is without inhibition in layer 1.
  neuron_id blanket() const noexcept;
  neuron_id inhibitory_neurons() const noexcept {
    return static_cast<neuron_id>(inhibitory_.size());
  }

 private:
  struct signed_edges {
    projection excitatory, inhibitory;
  };
  void choose_inhibitory();
  edge_set draw(std::uint64_t circuit, bool denser_inhibition) const;
  signed_edges weigh(const edge_set& edges, std::uint64_t circuit, const std::string& name,
                     major rows) const;
  projection synapses(const edge_set& edges) const;
  void draw_driven(token_id token, const circuit_gains& g, std::vector<neuron_id>& to) const;
  projection sensory(const circuit_gains& g) const;
  projection readout() const;

  random_model_recipe recipe_;
  population neurons_;
  std::vector<neuron_id> inhibitory_, excitatory_;  // the two kinds of neurons, ascending
  std::vector<bool> inhibits_;                      // by neuron
  signed_edges gx_, gy_;
  projection gs_, readout_;
};

}  // namespace bdh
