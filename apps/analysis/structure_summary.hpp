// What `bdh stats` found about a graph, and how it is shown: as JSON, as text, and as a CSV file
// with a line for each neuron.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include <bdh/model.hpp>

#include "graph/structure/degrees.hpp"
#include "graph/structure/heavy_tail.hpp"
#include "graph/structure/network.hpp"
#include "graph/structure/reciprocity.hpp"
#include "graph/structure/signed_modularity.hpp"
#include "graph/structure/thresholded_graph.hpp"

namespace bdh::app {

struct degree_report {
  degree_summary summary;
  tail_search tail;
  std::optional<double> tail_p;
};

// Modularity by Leiden of graphs without structure of their own, as many edges each.
struct null_report {
  std::vector<double> random, gaussian;  // G(n, m); a Gaussian product cut at a threshold
  std::vector<double> rewired;           // in-degree and out-degree of every node kept
};

struct modularity_report {
  communities leiden, louvain;
  null_report nulls;
};

// What needs the edges one by one.
struct links_report {
  edge_id links = 0;
  components weak, strong;
  std::vector<std::uint32_t> coreness;
  std::vector<rich_club> clubs;
  std::vector<std::vector<double>>
      rewired;  // of each rewired graph the coefficients of the same clubs
  std::optional<triangle_counts> triangles;
  std::vector<triangle_counts> rewired_triangles;  // of the same graphs as `rewired`
  std::optional<modularity_report> modularity;
};

// Communities by both signs, and the modularity of graphs in which every node has as many edges of
// either sign in and out as before.
struct signed_report {
  signed_communities found;
  std::vector<double> rewired;
};

// The excitatory edges, the inhibitory ones, or both.
struct part_report {
  std::string name;
  std::uint64_t edges = 0, self_loops = 0;
  degree_report in, out;
  std::optional<reciprocity> mutual;
  std::vector<double> rewired_mutual;  // shares of graphs with every in-degree and out-degree kept
  std::optional<links_report> links;
};

struct structure_summary {
  std::string head;                          // "all", "2", "0->2"
  thresholded_graph graph;                   // without its edges
  std::vector<reciprocal_edges> reciprocal;  // by block, as graph/structure/reciprocity.hpp has
                                             // them; empty where nothing was counted
  std::vector<part_report> parts;
  std::optional<signed_report> signs;
  std::uint32_t tail_samples = 0;
};

nlohmann::ordered_json json_of(const structure_summary& r, head_id heads);
std::string text_of(const structure_summary& r, head_id heads);
std::string summary_of(
    const std::vector<structure_summary>& all);  // a line each: edges kept against modularity
std::string csv_of(const structure_summary& r, const model& m);

}  // namespace bdh::app
