// A graph of a model for other programs: all edges of a circuit or all synapses, or a chosen part
// of them. Nodes are numbered: the neurons, and behind them, where
// wanted, the sensory nodes that are sources too.
//
//     auto part = bdh::subgraph(model, {.graph = bdh::graph_kind::gx, .top = 1000}, *workers);
//     part.find_communities(0);
//     part.for_each_edge([](const bdh::subgraph_edge& e) { ... });
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <bdh/ids.hpp>
#include <bdh/model.hpp>

#include "core/base/executor.hpp"
#include "graph/structure/weight_matrix.hpp"

namespace bdh {

enum class graph_kind { gx, gy, gs, sigma };  // sigma: strengths of synapses between neurons

const char* name(graph_kind g) noexcept;  // "gx"

struct subgraph_edge {
  neuron_id source = 0, target = 0;
  float weight = 0;  // inhibitory edges: < 0, or -0; of gs the plasticity rate
  edge_id id = 0;    // with explicit edges: position in the projection of its sign, row = target;
                     // through hubs, and of sigma: target x sources + source
};

struct subgraph_request {
  graph_kind graph = graph_kind::gx;
  bool sensory = false;  // with the sensory nodes
  float least = 0;       // only |weight| >= this
  // Of these so many with the largest |weight|; of equal ones those that come first, target by
  // target.
  std::optional<edge_id> top = {};
  // Only within so many hops of this neuron, along edges in either direction. With `top`, each hop
  // takes the largest of the edges that touch what is reached, and in the end the largest between
  // all that was.
  std::optional<neuron_id> ego = {};
  std::uint32_t hops = 1;
  std::function<void()> after_block = {};  // of the work; may throw, to stop
};

class subgraph {
 public:
  // Through hubs every pair has an edge, and nothing larger than this is taken whole.
  static constexpr edge_id most_pairs = edge_id{1} << 25;

  // Finds the requested part. `m` and `work` must outlive it. Throws input_error,
  // unavailable_error.
  subgraph(const bdh::model& m, const subgraph_request& request, executor& work);
  // Of sigma: strengths from neuron to neuron, (n x n).
  subgraph(const bdh::model& m, weight_matrix sigma, const subgraph_request& request,
           executor& work);
  subgraph(subgraph&&) noexcept;
  ~subgraph();

  const bdh::model& model() const noexcept;
  const subgraph_request& request() const noexcept;
  neuron_id size() const noexcept;  // numbers of nodes lie below it
  // Those that belong to it, ascending; the whole graph: all.
  const std::vector<neuron_id>& nodes() const noexcept;
  edge_id edges() const noexcept;
  // "gx_excitatory"; through hubs "gx"; "sigma"
  std::string projection_of(const subgraph_edge& e) const;

  // Target by target, sources ascending, an excitatory edge before an inhibitory one; anew at every
  // call, with the same edges.
  void for_each_edge(const std::function<void(const subgraph_edge&)>& use) const;

  // Communities of its nodes by Leiden's method (graph/structure/network.hpp), for which direction
  // and weight do not count, numbered from the largest. Throws input_error for a graph without
  // edges, or one in which every pair has one.
  void find_communities(std::uint64_t seed);
  const std::vector<neuron_id>& community() const noexcept;  // (size), of each node; empty before
  double modularity() const noexcept;
  neuron_id communities() const noexcept;  // among its nodes
  // Only its nodes, and the edges between them; throws input_error.
  void keep_community(neuron_id c);

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace bdh
