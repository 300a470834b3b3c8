// An explicit directed graph and its structure. Statistics without regard to direction are those of
// its links: two nodes are linked when an edge leads from one to
// the other, by weight 1, or 2 where edges lead both ways. Communities, coreness, triangles and
// components come from igraph: a build without it throws unavailable_error where a network is made.
//
//     const bdh::network graph(edges);
//     const bdh::communities found = graph.leiden(seed);
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "graph/edge_set.hpp"

namespace bdh {

struct communities {
  double modularity = 0;
  // Node -> community; communities are numbered from the largest on, of equal ones the one with the
  // first node.
  std::vector<neuron_id> member;
  std::vector<neuron_id> size;  // of each
};

struct components {
  neuron_id count = 0, largest = 0;  // components; nodes in the largest
};

struct triangle_counts {
  double triangles = 0;
  double transitivity = 0;  // 3 triangles / pairs of links that meet (the paths of length 2)
  // Mean over nodes of linked pairs among their neighbours; 0 where a node has fewer than 2 (Watts,
  // Strogatz 1998).
  double clustering = 0;
};

// Of the nodes with more than `degree` neighbours.
struct rich_club {
  std::uint32_t degree = 0;
  neuron_id nodes = 0;
  std::uint64_t links = 0;  // between them
  double coefficient = 0;   // 2 links / (nodes (nodes - 1)) (Zhou and Mondragon 2004)
};

class network {
 public:
  // Edges from a node to itself are not allowed for. `interrupt` is called during long
  // computations, and may throw.
  explicit network(const edge_set& edges, std::function<void()> interrupt = {});
  network(network&&) noexcept;
  network& operator=(network&&) noexcept;
  ~network();

  neuron_id nodes() const noexcept;
  edge_id edges() const noexcept;
  edge_id links() const noexcept;
  const std::vector<std::uint32_t>& neighbours() const noexcept;  // of each node, how many

  // The division into communities with the largest modularity that the algorithm finds, Q = sum
  // over communities of (weight within / W - (strength / 2 W)^2), W the weight of all links (Newman
  // 2004; for weights, Phys. Rev. E 70, 056131). Leiden: Traag, Waltman and van Eck 2019, 10
  // rounds, after which Q of random graphs grows by less than 1 % more; Louvain: Blondel and others
  // 2008. The same for the same seed. Nothing for a graph without edges, which has no modularity.
  std::optional<communities> leiden(std::uint64_t seed) const;
  std::optional<communities> louvain(std::uint64_t seed) const;
  // Of a given division.
  std::optional<double> modularity(const std::vector<neuron_id>& member) const;

  components weak() const;
  components strong() const;  // there and back along edges

  // The largest k for which a node is in the k-core: where everyone has k neighbours in it (Seidman
  // 1983).
  std::vector<std::uint32_t> coreness() const;

  triangle_counts triangles() const;
  // Sum over links of the smaller number of neighbours, which the time goes with.
  double triangle_work() const noexcept;

  // At every number of neighbours that occurs and leaves 2 nodes or more.
  std::vector<rich_club> rich_clubs() const;

  // Its links drawn anew, each node keeping its number of neighbours (Maslov and Sneppen 2002, by
  // igraph_rewire: 10 times as many exchanges of ends between two links are tried as there are
  // links). Each is an edge from the lower node to the higher. The same for the same seed.
  // `sources` > 0: the first `sources` nodes have links to the others only, and keep to that.
  edge_set rewired(std::uint64_t seed, neuron_id sources = 0) const;

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace bdh
