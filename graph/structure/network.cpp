#include "graph/structure/network.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <string>
#include <tuple>

#include <bdh/error.hpp>

#include "graph/structure/degrees.hpp"
#include "graph/structure/igraph_detail.hpp"

namespace bdh {
namespace {

using detail::igraph_graph;
using detail::igraph_integers;
using detail::igraph_reals;
using detail::igraph_session;

constexpr igraph_integer_t leiden_rounds = 10;
constexpr igraph_integer_t rewirings_per_link = 10;
// igraph's; with fewer nodes there is nothing to exchange.
constexpr neuron_id fewest_to_rewire = 4;
constexpr double leiden_randomness = 0.01;  // beta of Traag and others, igraph's default

// each(i, j, weight) of every link, i < j, in ascending order.
template <class Each>
void for_each_link(const edge_set& out, const edge_set& in, Each each) {
  for (neuron_id i = 0; i < out.neurons(); ++i) {
    const auto to = out.row(i), from = in.row(i);
    auto a = std::upper_bound(to.begin(), to.end(), i),
         b = std::upper_bound(from.begin(), from.end(), i);
    while (a != to.end() || b != from.end()) {
      constexpr neuron_id none = std::numeric_limits<neuron_id>::max();
      const neuron_id j = std::min(a == to.end() ? none : *a, b == from.end() ? none : *b);
      int weight = 0;
      if (a != to.end() && *a == j) ++a, ++weight;
      if (b != from.end() && *b == j) ++b, ++weight;
      each(i, j, weight);
    }
  }
}

communities renumbered(igraph_integers& membership) {
  struct found {
    neuron_id size = 0, first = 0, label = 0;
  };
  std::map<igraph_integer_t, found> by_label;
  for (igraph_integer_t i = 0; i < membership.size(); ++i) {
    found& c = by_label[membership[i]];
    if (c.size++ == 0) c.first = static_cast<neuron_id>(i);
  }
  std::vector<found*> order;
  for (auto& [label, c] : by_label) order.push_back(&c);
  std::sort(order.begin(), order.end(), [](const found* a, const found* b) {
    return std::tuple(b->size, a->first) < std::tuple(a->size, b->first);
  });
  communities result;
  for (found* c : order) {
    c->label = static_cast<neuron_id>(result.size.size());
    result.size.push_back(c->size);
  }
  for (igraph_integer_t i = 0; i < membership.size(); ++i)
    result.member.push_back(by_label[membership[i]].label);
  return result;
}

}  // namespace

struct network::parts {
  std::function<void()> interrupt;
  neuron_id nodes = 0;
  edge_id edges = 0, links = 0;
  double triangle_work = 0;
  std::vector<std::uint32_t> neighbours;
  std::map<std::uint32_t, std::uint64_t> links_by_least_degree;
  components weak, strong;
  std::unique_ptr<igraph_graph> graph;  // undirected
  std::unique_ptr<igraph_reals> weight;
  std::unique_ptr<igraph_reals> strength;
  double weight_of_all = 0;

  ~parts() {
    const igraph_session session;
    strength.reset(), weight.reset(), graph.reset();
  }

  components count_components(igraph_session& session, const igraph_t* g,
                              igraph_connectedness_t mode) const {
    igraph_integers size(session);
    igraph_integer_t count = 0;
    session.check(igraph_connected_components(g, nullptr, &size, &count, mode));
    components c;
    c.count = static_cast<neuron_id>(count);
    for (igraph_integer_t i = 0; i < size.size(); ++i)
      c.largest = std::max(c.largest, static_cast<neuron_id>(size[i]));
    return c;
  }

  void find_strong_components(igraph_session& session, const edge_set& g) {
    igraph_integers ends(session, static_cast<igraph_integer_t>(2 * g.edges()));
    igraph_integer_t next = 0;
    for (neuron_id i = 0; i < g.neurons(); ++i)
      for (const neuron_id j : g.row(i)) {
        ends[next++] = i;
        ends[next++] = j;
      }
    const igraph_graph directed_graph(session, ends, nodes, true);
    strong = count_components(session, &directed_graph, IGRAPH_STRONG);
  }

  void link(igraph_session& session, const edge_set& out, const edge_set& in) {
    neighbours.assign(nodes, 0);
    for_each_link(out, in, [&](neuron_id i, neuron_id j, int) {
      ++neighbours[i];
      ++neighbours[j];
      ++links;
    });
    igraph_integers ends(session, static_cast<igraph_integer_t>(2 * links));
    weight = std::make_unique<igraph_reals>(session, static_cast<igraph_integer_t>(links));
    strength = std::make_unique<igraph_reals>(session, static_cast<igraph_integer_t>(nodes));
    igraph_integer_t next = 0;
    for_each_link(out, in, [&](neuron_id i, neuron_id j, int w) {
      const std::uint32_t least = std::min(neighbours[i], neighbours[j]);
      ++links_by_least_degree[least];
      triangle_work += least;
      (*weight)[next] = w;
      (*strength)[i] += w;
      (*strength)[j] += w;
      weight_of_all += w;
      ends[2 * next] = i;
      ends[2 * next++ + 1] = j;
    });
    graph = std::make_unique<igraph_graph>(session, ends, nodes, false);
    weak = count_components(session, &*graph, IGRAPH_WEAK);
  }

  template <class Find>
  std::optional<communities> communities_by(std::uint64_t seed, Find find) const {
    if (links == 0) return std::nullopt;
    igraph_session session(seed, interrupt);
    igraph_integers membership(session);
    session.check(find(&membership));
    communities c = renumbered(membership);
    session.check(igraph_modularity(&*graph, &membership, &*weight, 1, false, &c.modularity));
    return c;
  }
};

network::network(const edge_set& edges, std::function<void()> interrupt)
    : parts_(std::make_unique<parts>()) {
  parts_->interrupt = std::move(interrupt);
  parts_->nodes = edges.neurons();
  parts_->edges = edges.edges();
  igraph_session session(0, parts_->interrupt);
  parts_->find_strong_components(session, edges);
  parts_->link(session, edges, reversed(edges));
}

network::network(network&&) noexcept = default;
network& network::operator=(network&&) noexcept = default;
network::~network() = default;

neuron_id network::nodes() const noexcept { return parts_->nodes; }
edge_id network::edges() const noexcept { return parts_->edges; }
edge_id network::links() const noexcept { return parts_->links; }
const std::vector<std::uint32_t>& network::neighbours() const noexcept {
  return parts_->neighbours;
}
double network::triangle_work() const noexcept { return parts_->triangle_work; }
components network::weak() const { return parts_->weak; }
components network::strong() const { return parts_->strong; }

std::optional<communities> network::leiden(std::uint64_t seed) const {
  const parts& p = *parts_;
  return p.communities_by(seed, [&](igraph_vector_int_t* membership) {
    return detail::leiden(&*p.graph, &*p.weight, &*p.strength, 1 / (2 * p.weight_of_all),
                          leiden_randomness, leiden_rounds, membership);
  });
}

std::optional<communities> network::louvain(std::uint64_t seed) const {
  const parts& p = *parts_;
  return p.communities_by(seed, [&](igraph_vector_int_t* membership) {
    return igraph_community_multilevel(&*p.graph, &*p.weight, 1, membership, nullptr, nullptr);
  });
}

std::optional<double> network::modularity(const std::vector<neuron_id>& member) const {
  const parts& p = *parts_;
  if (member.size() != p.nodes)
    throw shape_error("communities", std::to_string(member.size()) + " members",
                      std::to_string(p.nodes) + " nodes");
  if (p.links == 0) return std::nullopt;
  igraph_session session;
  igraph_integers membership(session, p.nodes);
  for (neuron_id i = 0; i < p.nodes; ++i) membership[i] = member[i];
  double q = 0;
  session.check(igraph_modularity(&*p.graph, &membership, &*p.weight, 1, false, &q));
  return q;
}

std::vector<std::uint32_t> network::coreness() const {
  igraph_session session(0, parts_->interrupt);
  igraph_integers core(session);
  session.check(igraph_coreness(&*parts_->graph, &core, IGRAPH_ALL));
  std::vector<std::uint32_t> result;
  for (igraph_integer_t i = 0; i < core.size(); ++i)
    result.push_back(static_cast<std::uint32_t>(core[i]));
  return result;
}

triangle_counts network::triangles() const {
  igraph_session session(0, parts_->interrupt);
  igraph_reals at(session);
  session.check(detail::adjacent_triangles(&*parts_->graph, &at));
  triangle_counts t;
  double corners = 0, paths = 0;
  for (neuron_id i = 0; i < parts_->nodes; ++i) {
    const double d = parts_->neighbours[i], pairs = d * (d - 1) / 2;
    corners += at[i];
    paths += pairs;
    if (pairs > 0) t.clustering += at[i] / pairs / parts_->nodes;
  }
  t.triangles = corners / 3;
  t.transitivity = paths > 0 ? corners / paths : 0;
  return t;
}

std::vector<rich_club> network::rich_clubs() const {
  std::map<std::uint32_t, neuron_id> nodes_of;
  for (const std::uint32_t d : parts_->neighbours) ++nodes_of[d];
  std::vector<rich_club> clubs;
  rich_club c;
  c.nodes = parts_->nodes;
  c.links = parts_->links;
  for (const auto& [degree, nodes] : nodes_of) {
    c.degree = degree;
    c.nodes -= nodes;
    const auto at = parts_->links_by_least_degree.find(degree);
    if (at != parts_->links_by_least_degree.end()) c.links -= at->second;
    if (c.nodes < 2) break;
    c.coefficient =
        2 * static_cast<double>(c.links) / (static_cast<double>(c.nodes) * (c.nodes - 1.0));
    clubs.push_back(c);
  }
  return clubs;
}

edge_set network::rewired(std::uint64_t seed, neuron_id sources) const {
  const parts& p = *parts_;
  igraph_session session(seed, p.interrupt);
  igraph_integers ends(session);
  session.check(igraph_get_edgelist(&*p.graph, &ends, false));
  for (igraph_integer_t e = 0; e < ends.size(); e += 2)
    if (ends[e] > ends[e + 1]) std::swap(ends[e], ends[e + 1]);
  // Of a directed graph igraph exchanges targets with targets only: sources stay sources.
  igraph_graph links(session, ends, p.nodes, sources != 0);
  if (p.links > 1 && p.nodes >= fewest_to_rewire)
    session.check(
        detail::rewire(&links, rewirings_per_link * static_cast<igraph_integer_t>(p.links)));
  session.check(igraph_get_edgelist(&links, &ends, false));
  std::vector<std::pair<neuron_id, neuron_id>> edges;
  for (igraph_integer_t e = 0; e < ends.size(); e += 2) {
    const auto [low, high] = std::minmax(ends[e], ends[e + 1]);
    edges.emplace_back(static_cast<neuron_id>(low), static_cast<neuron_id>(high));
  }
  std::sort(edges.begin(), edges.end());
  edge_set g;
  g.indptr.assign(std::size_t{p.nodes} + 1, 0);
  for (const auto& [low, high] : edges) {
    ++g.indptr[low + 1];
    g.targets.push_back(high);
  }
  std::partial_sum(g.indptr.begin(), g.indptr.end(), g.indptr.begin());
  return g;
}

}  // namespace bdh
