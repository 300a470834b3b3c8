// A graph of weights cut at a threshold: the pairs with a weight above beta are its excitatory edges, those below -beta the inhibitory
// ones. Made row by row (core/weight_rows.hpp), so that n^2 weights are never held. Edges from a neuron to itself are counted apart and
// belong to no statistic.
//
//     const auto gx = bdh::weight_rows::of_circuit(model, bdh::circuit::gx).with_sources(model.neurons());
//     const bdh::neuron_window all = bdh::neuron_window::all_of(gx);
//     const double beta = bdh::weight_histogram(gx, all, work).threshold(edges, bdh::sign::both);
//     const bdh::cut_graph graph = bdh::cut(gx, all, {beta, beta}, work);
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "core/base/executor.hpp"
#include "core/weight_rows.hpp"
#include "graph/generators.hpp"

namespace bdh {

// Which neurons' edges are looked at: those from a range of sources to a range of targets. Either the same neurons, which are then the
// nodes 0, 1, ... of the graph, or two disjoint ranges: then the sources are the first nodes, and the targets follow.
struct neuron_window {
  neuron_id first_source = 0, sources = 0, first_target = 0, targets = 0;

  static neuron_window all_of(const weight_rows& rows);
  // From head `from` to head `to`, numbered from 0, of a model with so many neurons in a head.
  static neuron_window of_heads(neuron_id neurons_per_head, head_id from, head_id to);

  bool same_neurons() const noexcept { return first_source == first_target && sources == targets; }
  neuron_id nodes() const noexcept { return same_neurons() ? sources : sources + targets; }
  neuron_id node_of_target(neuron_id target) const noexcept { return target - first_target + (same_neurons() ? 0 : sources); }
  neuron_id neuron_of(neuron_id node) const noexcept { return node < sources ? first_source + node : first_target + node - sources; }
  double pairs() const noexcept { return static_cast<double>(sources) * targets - (same_neurons() ? sources : 0); }  // without j->j
};

enum class sign { excitatory, inhibitory, both };

// How many weights of a window there are of every size, to choose thresholds by. Sizes are told apart by 12 significant bits.
class weight_histogram {
 public:
  // `interrupt` is called by several threads at once, and may throw.
  weight_histogram(const weight_rows& rows, const neuron_window& w, executor& work, const std::function<void()>& interrupt = {});

  // The smallest number of 12 significant bits for which at most `edges` weights are above it (sign::both: in absolute value).
  float threshold(std::uint64_t edges, sign which) const;

  // use(size, count) of the sizes of 12 significant bits that occur, ascending: of the weights of this sign, not both, `count` have an
  // absolute value from this size to the next.
  void each_size(sign which, const std::function<void(float, std::uint64_t)>& use) const;

 private:
  std::vector<std::uint64_t> positive_, negative_;
};

struct thresholds {
  float excitatory = 0, inhibitory = 0;  // weight > excitatory, weight < -inhibitory; both >= 0
};

// The edges of one sign, counted and added up.
struct sign_sums {
  std::uint64_t edges = 0, self_loops = 0;
  double weight = 0;                               // sum of |weight|
  std::vector<std::uint32_t> in_edges, out_edges;  // by node
  std::vector<double> in_weight, out_weight;       // by node, sums of |weight|
};

// Between two heads.
struct head_block {
  std::uint64_t excitatory = 0, inhibitory = 0;  // edges
  double excitatory_weight = 0, inhibitory_weight = 0;
};

struct cut_graph {
  neuron_window where;
  thresholds at;
  sign_sums excitatory, inhibitory;
  std::vector<head_block> blocks;                              // heads x heads, [source head * heads + target head], where asked for
  std::optional<edge_set> excitatory_edges, inhibitory_edges;  // by source; nothing where they are more than was allowed for
};

struct cut_options {
  std::uint64_t most_edges = std::uint64_t{1} << 24;  // to keep one by one
  neuron_id neurons_per_head = 0;                     // 0: no blocks
};

// Sums are taken in an order of their own: the same bits for any number of threads. Throws what `interrupt` throws.
cut_graph cut(const weight_rows& rows, const neuron_window& w, thresholds at, executor& work, const cut_options& options = {},
              const std::function<void()>& interrupt = {});

// Edges j->k whose opposite k->j exists: of excitatory ones an excitatory or an inhibitory one, and so on.
struct answered_edges {
  std::uint64_t excitatory = 0, inhibitory = 0;  // by an edge of the same sign
  std::uint64_t mixed = 0;                       // excitatory ones by an inhibitory one, which are as many the other way round
};
answered_edges answered_in(const cut_graph& g);  // of one with its edges

// The same of a graph with too many edges to keep, from two bits a pair. The window is of the same neurons.
answered_edges answered_in(const weight_rows& rows, const neuron_window& w, thresholds at, executor& work,
                           const std::function<void()>& interrupt = {});
double answered_bytes(const neuron_window& w);  // that this takes

// How far the outgoing signs of a neuron agree: |excitatory - inhibitory| / (excitatory + inhibitory), by edges or by weight. 1: the
// neuron excites only, or inhibits only, as Dale's law has it; nothing where it has no edges.
std::vector<std::optional<double>> dale_by_edges(const cut_graph& g);
std::vector<std::optional<double>> dale_by_weight(const cut_graph& g);
// What the mean of dale_by_edges would be if each edge had its sign by chance, with the graph's share of excitatory ones.
std::optional<double> dale_by_chance(const cut_graph& g);

// Of what arrives at each neuron: (excitatory - inhibitory) / (excitatory + inhibitory), sums of |weight|; nothing where nothing does.
std::vector<std::optional<double>> balance(const cut_graph& g);

// A product of two factors with independent standard normal entries, of the size of the window: the null model of a product of trained
// ones. Its rows are those of a window of the same kind.
struct random_product {
  weight_rows rows;
  neuron_window window;
};
random_product gaussian_product(const neuron_window& like, std::size_t depth, std::uint64_t seed);

}  // namespace bdh
