#include "graph/structure/node_order.hpp"

#include <algorithm>
#include <boost/graph/compressed_sparse_row_graph.hpp>
#include <boost/graph/cuthill_mckee_ordering.hpp>
#include <boost/pending/disjoint_sets.hpp>
#include <boost/property_map/property_map.hpp>
#include <deque>
#include <numeric>
#include <string>
#include <utility>

#include <bdh/error.hpp>

#include "graph/structure/network.hpp"

namespace bdh {
namespace {

// Every edge in both directions.
using symmetric_graph =
    boost::compressed_sparse_row_graph<boost::directedS, boost::no_property, boost::no_property,
                                       boost::no_property, neuron_id, edge_id>;

constexpr std::pair<node_order, const char*> orders[] = {
    {node_order::rcm, "rcm"}, {node_order::degree, "degree"}, {node_order::community, "community"}};

neuron_id low_end(std::uint64_t pair) { return static_cast<neuron_id>(pair >> 32); }
neuron_id high_end(std::uint64_t pair) { return static_cast<neuron_id>(pair); }

symmetric_graph both_ways(neuron_id nodes, neighbour_pairs&& pairs) {
  std::vector<neuron_id> sources, targets;
  sources.reserve(2 * pairs.size());
  targets.reserve(2 * pairs.size());
  for (const std::uint64_t p : pairs) {
    sources.insert(sources.end(), {low_end(p), high_end(p)});
    targets.insert(targets.end(), {high_end(p), low_end(p)});
  }
  neighbour_pairs().swap(pairs);
  return {boost::construct_inplace_from_sources_and_targets, sources, targets, nodes};
}

struct component {
  neuron_id start = 0, size = 0;  // start: a node with the fewest neighbours
};

std::vector<component> components(neuron_id nodes, const neighbour_pairs& pairs,
                                  const std::vector<edge_id>& degree) {
  std::vector<neuron_id> rank(nodes), parent(nodes);
  const boost::typed_identity_property_map<neuron_id> index;
  boost::disjoint_sets sets(boost::make_iterator_property_map(rank.begin(), index),
                            boost::make_iterator_property_map(parent.begin(), index));
  for (neuron_id i = 0; i < nodes; ++i) sets.make_set(i);
  for (const std::uint64_t p : pairs) sets.union_set(low_end(p), high_end(p));
  std::vector<component> all;
  std::vector<neuron_id>& number = rank;  // of a set's root in `all`, from 1; the ranks have served
  std::fill(number.begin(), number.end(), 0);
  for (neuron_id i = 0; i < nodes; ++i) {
    neuron_id& of = number[sets.find_set(i)];
    if (of == 0) {
      all.push_back({i, 0});
      of = static_cast<neuron_id>(all.size());
    }
    component& c = all[of - 1];
    ++c.size;
    if (degree[i] < degree[c.start]) c.start = i;
  }
  return all;
}

std::vector<neuron_id> reverse_cuthill_mckee(neuron_id nodes, neighbour_pairs&& pairs,
                                             const std::vector<edge_id>& degree) {
  const std::vector<component> parts = components(nodes, pairs, degree);
  const symmetric_graph g = both_ways(nodes, std::move(pairs));
  std::vector<boost::default_color_type> colours(nodes);
  const auto colour =
      boost::make_iterator_property_map(colours.begin(), get(boost::vertex_index, g));
  const auto degrees = boost::make_out_degree_map(g);
  std::deque<neuron_id> starts;
  for (const component& c : parts)  // a search for a node at the rim looks at all nodes: where it
                                    // is a small share of the work
    starts.push_back(c.size > nodes / 16 ? boost::find_starting_node(g, c.start, colour, degrees)
                                         : c.start);
  std::vector<neuron_id> order(nodes);
  boost::cuthill_mckee_ordering(g, starts, order.rbegin(), colour, degrees);
  return order;
}

std::vector<neuron_id> by_degree(const std::vector<edge_id>& degree) {
  std::vector<neuron_id> order(degree.size());
  std::iota(order.begin(), order.end(), neuron_id{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](neuron_id a, neuron_id b) { return degree[a] > degree[b]; });
  return order;
}

std::vector<edge_id> degrees(neuron_id nodes, const neighbour_pairs& pairs) {
  std::vector<edge_id> degree(nodes);
  for (const std::uint64_t p : pairs) {
    ++degree[low_end(p)];
    ++degree[high_end(p)];
  }
  return degree;
}

// Of each node; `pairs` ascend. A graph without edges is one community.
std::vector<neuron_id> communities_of(neuron_id nodes, const neighbour_pairs& pairs,
                                      std::uint64_t seed, std::function<void()> interrupt) {
  edge_set upwards;
  upwards.indptr.assign(std::size_t{nodes} + 1, 0);
  for (const std::uint64_t p : pairs) {
    ++upwards.indptr[low_end(p) + 1];
    upwards.targets.push_back(high_end(p));
  }
  std::partial_sum(upwards.indptr.begin(), upwards.indptr.end(), upwards.indptr.begin());
  auto found = network(upwards, std::move(interrupt)).leiden(seed);
  return found ? std::move(found->member) : std::vector<neuron_id>(nodes);
}

// Without the edges between communities each is a graph of its own, which reverse Cuthill-McKee
// puts in order.
std::vector<neuron_id> by_community(neuron_id nodes, neighbour_pairs&& pairs,
                                    const std::vector<neuron_id>& member) {
  std::erase_if(pairs, [&](std::uint64_t p) { return member[low_end(p)] != member[high_end(p)]; });
  const std::vector<edge_id> degree = degrees(nodes, pairs);
  std::vector<neuron_id> order = reverse_cuthill_mckee(nodes, std::move(pairs), degree);
  std::stable_sort(order.begin(), order.end(),
                   [&](neuron_id a, neuron_id b) { return member[a] < member[b]; });
  return order;
}

}  // namespace

const char* name(node_order o) noexcept {
  for (const auto& [order, text] : orders)
    if (order == o) return text;
  return "";
}

node_order node_order_named(std::string_view text) {
  for (const auto& [order, known] : orders)
    if (text == known) return order;
  throw input_error("order", "'" + std::string(text) + "'", "rcm, degree or community");
}

std::vector<neuron_id> ordered_nodes(neuron_id nodes, neighbour_pairs&& pairs, node_order how,
                                     std::uint64_t seed, std::function<void()> interrupt) {
  std::sort(pairs.begin(), pairs.end());
  pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
  if (how == node_order::community) {
    const std::vector<neuron_id> member = communities_of(nodes, pairs, seed, std::move(interrupt));
    return by_community(nodes, std::move(pairs), member);
  }
  const std::vector<edge_id> degree = degrees(nodes, pairs);
  return how == node_order::rcm ? reverse_cuthill_mckee(nodes, std::move(pairs), degree)
                                : by_degree(degree);
}

}  // namespace bdh
