#include "core/analysis/subgraph.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <span>
#include <tuple>
#include <utility>

#include <bdh/error.hpp>

#include "core/base/sort_unique.hpp"
#include "core/base/top_k.hpp"
#include "core/model/circuit_matrix.hpp"
#include "graph/structure/network.hpp"
#include "graph/structure/weight_matrix.hpp"

namespace bdh {
namespace {

bool inhibitory(const subgraph_edge& e) { return std::signbit(e.weight); }

bool in_order(const subgraph_edge& a, const subgraph_edge& b) {
  return std::tuple(a.target, a.source, inhibitory(a)) <
         std::tuple(b.target, b.source, inhibitory(b));
}

struct stronger {
  bool operator()(const subgraph_edge& a, const subgraph_edge& b) const {
    const float wa = std::abs(a.weight), wb = std::abs(b.weight);
    return wa != wb ? wa > wb : in_order(a, b);
  }
};

// All edges of a graph of a model, in blocks of consecutive targets.
class all_edges {
 public:
  all_edges(const model& m, graph_kind g, neuron_id size, std::optional<weight_matrix> sigma)
      : size_(size), width_(sigma ? m.neurons() : m.sources()), rows_(std::move(sigma)) {
    if (rows_) return;
    if (!m.is_direct()) {
      if (g == graph_kind::gs)
        throw unavailable_error("gs",
                                "the synapses of a model through hubs, neuron -> hub, every pair",
                                "gx or gy, or explicit edges");
      rows_.emplace(
          circuit_matrix(m, g == graph_kind::gx ? circuit::gx : circuit::gy).with_sources(size));
      return;
    }
    const direct_circuits& c = m.direct();
    const auto add = [&](const projection& p) {
      const bool turned = p.rows_are() != major::target;
      parts_.push_back(turned ? &turned_.emplace_back(p.transposed()) : &p);
    };
    if (g == graph_kind::gx) add(c.gx_excitatory), add(c.gx_inhibitory);
    if (g == graph_kind::gy) add(c.gy_excitatory), add(c.gy_inhibitory);
    if (g == graph_kind::gs) add(c.gs);
  }

  bool is_complete() const { return rows_ && rows_->is_complete(); }
  edge_id pairs() const { return edge_id{rows_->targets()} * rows_->sources(); }
  edge_id stored() const {
    edge_id all = 0;
    for (const projection* p : parts_) all += p->edges();
    return all;
  }
  std::size_t blocks() const {
    return rows_ ? rows_->blocks() : (targets() + block_rows - 1) / block_rows;
  }

  template <class Use>
  void visit(std::size_t block, Use use) const {
    if (rows_) {
      rows_->visit(block, [&](const weight_row& row) {
        for (std::size_t e = 0; e < row.weights.size(); ++e) {
          const neuron_id j = row.sources.empty() ? static_cast<neuron_id>(e) : row.sources[e];
          if (row.weights[e] != 0)
            use(subgraph_edge{j, row.target, row.weights[e], edge_id{row.target} * width_ + j});
        }
      });
      return;
    }
    const auto first = static_cast<neuron_id>(block * block_rows),
               last = std::min<neuron_id>(targets(), first + block_rows);
    for (neuron_id k = first; k < last; ++k) visit_row(k, use);
  }

 private:
  static constexpr neuron_id block_rows = 256;

  neuron_id targets() const { return std::min(size_, parts_[0]->rows()); }

  template <class Use>
  void visit_row(neuron_id k, Use use) const {
    const projection& plus = *parts_[0];
    edge_id p = plus.indptr()[k];
    const edge_id p_end = plus.indptr()[k + 1];
    const projection* const minus = parts_.size() > 1 ? parts_[1] : nullptr;
    edge_id m = minus ? minus->indptr()[k] : 0;
    const edge_id m_end = minus ? minus->indptr()[k + 1] : 0;
    while (p < p_end || m < m_end) {
      const bool next_is_plus =
          m == m_end || (p < p_end && plus.indices()[p] <= minus->indices()[m]);
      const subgraph_edge e = next_is_plus
                                  ? subgraph_edge{plus.indices()[p], k, plus.weight(p), p}
                                  : subgraph_edge{minus->indices()[m], k, -minus->weight(m), m};
      ++(next_is_plus ? p : m);
      if (e.source < size_) use(e);
    }
  }

  neuron_id size_, width_;
  std::optional<weight_matrix> rows_;  // through hubs, and of sigma
  std::deque<projection> turned_;      // those that the model has by source
  // Explicit edges by target: excitatory, inhibitory; or those of gs.
  std::vector<const projection*> parts_;
};

}  // namespace

const char* name(graph_kind g) noexcept {
  constexpr const char* names[] = {"gx", "gy", "gs", "sigma"};
  return names[static_cast<int>(g)];
}

struct subgraph::state {
  state(const bdh::model& m, const subgraph_request& r, executor& w,
        std::optional<weight_matrix> sigma = std::nullopt)
      : of(m),
        request(r),
        work(w),
        size(m.neurons() + (r.sensory ? m.sources() - m.neurons() : 0)),
        all(m, r.graph, size, std::move(sigma)) {
    if (r.sensory && !m.sensory_are_sources())
      throw input_error("sensory nodes", "none among the sources of this model",
                        "a model imported from BDH-GPU");
    if (r.ego && *r.ego >= m.neurons())
      throw input_error("neuron", std::to_string(*r.ego),
                        "0 to " + std::to_string(m.neurons() - 1));
    if (all.is_complete() && !r.top && (r.ego || r.least == 0) &&
        (r.ego || all.pairs() > most_pairs))
      throw input_error(
          name(r.graph), "an edge for every pair of neurons, " + std::to_string(all.pairs()),
          r.ego ? "the largest of them"
                : "at most " + std::to_string(most_pairs) + ", or the largest of them",
          "through hubs every pair has a weight: choose how many of the largest to take");
    if (r.ego)
      reach(*r.ego);
    else if (r.top)
      held = collect([](const subgraph_edge&) { return true; });
    whole = !r.ego && !r.top && r.least == 0;
    if (!held) count = all.is_complete() || !whole || size < m.sources() ? counted() : all.stored();
    list_nodes();
  }

  // emit(edges of a block) for all blocks in order, of those edges that keep(e) takes.
  template <class Keep, class Emit>
  void for_each_block(Keep keep, Emit emit) const {
    std::vector<std::vector<subgraph_edge>> found(work.threads());
    for (std::size_t first = 0; first < all.blocks(); first += found.size()) {
      const std::size_t now = std::min(found.size(), all.blocks() - first);
      work.for_each(now, [&](std::size_t i) {
        found[i].clear();
        all.visit(first + i, [&](const subgraph_edge& e) {
          if (std::abs(e.weight) >= request.least && keep(e)) found[i].push_back(e);
        });
      });
      for (std::size_t i = 0; i < now; ++i) emit(std::span<const subgraph_edge>(found[i]));
      if (request.after_block) request.after_block();
    }
  }

  // In order; with `top` only the strongest.
  template <class Keep>
  std::vector<subgraph_edge> collect(Keep keep) const {
    if (request.top) {
      top_k_by<subgraph_edge, stronger> best(*request.top);
      for_each_block(
          [&](const subgraph_edge& e) {
            return (!best.bound() || !stronger()(*best.bound(), e)) && keep(e);
          },
          [&](std::span<const subgraph_edge> edges) {
            for (const subgraph_edge& e : edges) best.offer(e);
          });
      std::vector<subgraph_edge> kept = best.take();
      std::sort(kept.begin(), kept.end(), in_order);
      return kept;
    }
    std::vector<subgraph_edge> kept;
    for_each_block(keep, [&](std::span<const subgraph_edge> edges) {
      kept.insert(kept.end(), edges.begin(), edges.end());
    });
    return kept;
  }

  void reach(neuron_id center) {
    std::vector<char> reached(size);
    reached[center] = 1;
    for (std::uint32_t hop = 0; hop < request.hops; ++hop) {
      const std::vector<char> before = reached;
      for (const subgraph_edge& e : collect([&](const subgraph_edge& x) {
             return before[x.source] != before[x.target] || (request.top && before[x.source]);
           }))
        reached[e.source] = reached[e.target] = 1;
      if (reached == before) break;
    }
    held = collect([&](const subgraph_edge& e) { return reached[e.source] && reached[e.target]; });
  }

  edge_id counted() const {
    edge_id edges = 0;
    for_each_block([](const subgraph_edge&) { return true; },
                   [&](std::span<const subgraph_edge> found) { edges += found.size(); });
    return edges;
  }

  void list_nodes() {
    nodes.clear();
    std::vector<char> listed(size, whole);
    if (request.ego) listed[*request.ego] = 1;
    if (!whole) for_each([&](const subgraph_edge& e) { listed[e.source] = listed[e.target] = 1; });
    for (neuron_id i = 0; i < size; ++i)
      if (listed[i]) nodes.push_back(i);
  }

  template <class Use>
  void for_each(Use use) const {
    if (held)
      for (const subgraph_edge& e : *held) use(e);
    else
      for_each_block([](const subgraph_edge&) { return true; },
                     [&](std::span<const subgraph_edge> edges) {
                       for (const subgraph_edge& e : edges) use(e);
                     });
  }

  const bdh::model& of;
  subgraph_request request;
  executor& work;
  neuron_id size;
  all_edges all;
  bool whole = true;
  std::optional<std::vector<subgraph_edge>> held;  // none: all of them, found anew at every visit
  edge_id count = 0;                               // where none are held
  std::vector<neuron_id> nodes, community;
  double modularity = 0;
  neuron_id communities = 0;
};

subgraph::subgraph(const bdh::model& m, const subgraph_request& request, executor& work)
    : state_(std::make_unique<state>(m, request, work)) {}
subgraph::subgraph(const bdh::model& m, weight_matrix sigma, const subgraph_request& request,
                   executor& work)
    : state_(std::make_unique<state>(m, request, work, std::move(sigma))) {}
subgraph::subgraph(subgraph&&) noexcept = default;
subgraph::~subgraph() = default;

const bdh::model& subgraph::model() const noexcept { return state_->of; }
const subgraph_request& subgraph::request() const noexcept { return state_->request; }
neuron_id subgraph::size() const noexcept { return state_->size; }
const std::vector<neuron_id>& subgraph::nodes() const noexcept { return state_->nodes; }
edge_id subgraph::edges() const noexcept {
  return state_->held ? state_->held->size() : state_->count;
}
const std::vector<neuron_id>& subgraph::community() const noexcept { return state_->community; }
double subgraph::modularity() const noexcept { return state_->modularity; }
neuron_id subgraph::communities() const noexcept { return state_->communities; }

std::string subgraph::projection_of(const subgraph_edge& e) const {
  const std::string graph = name(state_->request.graph);
  const bool has_signs =
      state_->request.graph == graph_kind::gx || state_->request.graph == graph_kind::gy;
  if (!state_->of.is_direct() || !has_signs) return graph;
  return graph + (inhibitory(e) ? "_inhibitory" : "_excitatory");
}

void subgraph::for_each_edge(const std::function<void(const subgraph_edge&)>& use) const {
  state_->for_each(use);
}

void subgraph::find_communities(std::uint64_t seed) {
  state& s = *state_;
  if (s.all.is_complete() && s.whole)
    throw input_error("communities", "of a graph in which every pair has an edge",
                      "the largest edges of it", "choose how many");
  // Links of a node to itself, and a second edge of the other sign, say nothing about communities.
  std::vector<std::pair<neuron_id, neuron_id>> links;
  s.for_each([&](const subgraph_edge& e) {
    if (e.source != e.target) links.emplace_back(e.source, e.target);
  });
  sort_unique(links);
  edge_set edges;
  edges.indptr.assign(std::size_t{s.size} + 1, 0);
  for (const auto& [source, target] : links) {
    ++edges.indptr[source + 1];
    edges.targets.push_back(target);
  }
  for (std::size_t i = 0; i < s.size; ++i) edges.indptr[i + 1] += edges.indptr[i];
  const auto found = network(edges, s.request.after_block).leiden(seed);
  if (!found) throw input_error("communities", "of a graph without edges", "edges between neurons");
  s.community = found->member;
  s.modularity = found->modularity;
  std::vector<char> present(found->size.size());
  for (neuron_id i : s.nodes) present[s.community[i]] = 1;
  s.communities = static_cast<neuron_id>(std::count(present.begin(), present.end(), 1));
}

void subgraph::keep_community(neuron_id c) {
  state& s = *state_;
  std::vector<neuron_id> members;
  for (neuron_id i : s.nodes)
    if (s.community[i] == c) members.push_back(i);
  if (members.empty())
    throw input_error("community", std::to_string(c), "0 to " + std::to_string(s.communities - 1));
  std::vector<subgraph_edge> kept;
  s.for_each([&](const subgraph_edge& e) {
    if (s.community[e.source] == c && s.community[e.target] == c) kept.push_back(e);
  });
  s.held = std::move(kept);
  s.nodes = std::move(members);
  s.whole = false;
}

}  // namespace bdh
