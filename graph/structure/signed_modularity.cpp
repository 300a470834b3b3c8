#include "graph/structure/signed_modularity.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>
#include <utility>

#include "core/base/random.hpp"

namespace bdh {
namespace {

constexpr std::size_t fewest_orders = 5, most_orders = 64, nodes_of_all_orders = 20000;
constexpr int most_rounds = 20, most_passes = 50;
// Up to so many nodes every community is tried, else those of neighbours and one of its own. A node
// may gain by joining others with whom it has no link: where inhibitory ones would be expected.
constexpr std::size_t try_all = 512;
constexpr double least_gain = 1e-12;

using by_sign = std::array<double, 2>;  // excitatory, inhibitory

struct signed_link {
  neuron_id to = 0;
  by_sign weight{};
};

// Links both ways; the nodes may be communities of another graph, with weight among themselves.
struct signed_graph {
  std::vector<std::size_t> first{0};  // (nodes + 1) of each node, in `links`
  std::vector<signed_link> links;     // to other nodes
  std::vector<by_sign> within;        // of each node, both ways counted
  std::vector<by_sign> strength;      // of each node, `within` included
  by_sign total{};                    // of all strengths

  std::size_t nodes() const noexcept { return within.size(); }
};

using entry = std::pair<std::pair<neuron_id, neuron_id>, by_sign>;

// From entries (i, j) in both directions, equal ones added up.
signed_graph graph_of(std::vector<entry> all, std::size_t nodes) {
  std::ranges::sort(all, {}, &entry::first);
  signed_graph g;
  g.within.resize(nodes);
  g.strength.resize(nodes);
  g.first.assign(nodes + 1, 0);
  for (std::size_t k = 0; k < all.size();) {
    const auto [i, j] = all[k].first;
    by_sign weight{};
    for (; k < all.size() && all[k].first == std::pair(i, j); ++k)
      for (const std::size_t s : {0, 1}) weight[s] += all[k].second[s];
    for (const std::size_t s : {0, 1}) {
      g.strength[i][s] += weight[s];
      g.total[s] += weight[s];
    }
    if (i == j) {
      g.within[i] = weight;
    } else {
      g.links.push_back({j, weight});
      ++g.first[i + std::size_t{1}];
    }
  }
  std::partial_sum(g.first.begin(), g.first.end(), g.first.begin());
  return g;
}

signed_graph graph_of(const edge_set& excitatory, const edge_set& inhibitory) {
  std::vector<entry> all;
  all.reserve(2 * (excitatory.edges() + inhibitory.edges()));
  for (const edge_set* set : {&excitatory, &inhibitory}) {
    const by_sign one = set == &excitatory ? by_sign{1, 0} : by_sign{0, 1};
    for (neuron_id i = 0; i < set->neurons(); ++i)
      for (const neuron_id j : set->row(i)) {
        all.push_back({{i, j}, one});
        all.push_back({{j, i}, one});
      }
  }
  return graph_of(std::move(all), std::max(excitatory.neurons(), inhibitory.neurons()));
}

// Communities as nodes; member: of each node, numbered without gaps.
signed_graph joined(const signed_graph& g, const std::vector<neuron_id>& member) {
  std::vector<entry> all;
  all.reserve(g.links.size() + g.nodes());
  neuron_id most = 0;
  for (std::size_t i = 0; i < g.nodes(); ++i) {
    most = std::max(most, member[i]);
    all.push_back({{member[i], member[i]}, g.within[i]});
    for (std::size_t k = g.first[i]; k < g.first[i + 1]; ++k)
      all.push_back({{member[i], member[g.links[k].to]}, g.links[k].weight});
  }
  return graph_of(std::move(all), std::size_t{most} + 1);
}

// Without gaps, in the order of the first node.
std::size_t renumber(std::vector<neuron_id>& member) {
  constexpr neuron_id unseen = ~neuron_id{0};
  std::vector<neuron_id> number(member.size(), unseen);
  neuron_id count = 0;
  for (neuron_id& m : member) {
    if (number[m] == unseen) number[m] = count++;
    m = number[m];
  }
  return count;
}

// One node after the other goes to the community where Q is largest.
class mover {
 public:
  mover(const signed_graph& g, std::vector<neuron_id>& member, random_stream& random)
      : g_(g), member_(member), strength_(g.nodes()), linked_(g.nodes()), size_(g.nodes()) {
    for (std::size_t i = 0; i < g.nodes(); ++i) add(i, member_[i]);
    order_.resize(g.nodes());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    for (std::size_t i = order_.size(); i > 1; --i)
      std::swap(order_[i - 1], order_[random.below(static_cast<std::uint32_t>(i))]);
    for (std::size_t c = g.nodes(); c-- > 0;)
      if (size_[c] == 0) empty_.push_back(static_cast<neuron_id>(c));
  }

  // Whether any node has moved.
  bool run(const std::function<void()>& interrupt) {
    bool any = false, some = true;
    for (int pass = 0; pass < most_passes && some; ++pass) {
      if (interrupt) interrupt();
      some = false;
      for (const std::size_t i : order_) some = move(i) || some;
      any = any || some;
    }
    return any;
  }

 private:
  void add(std::size_t i, neuron_id c) {
    for (const std::size_t s : {0, 1}) strength_[c][s] += g_.strength[i][s];
    ++size_[c];
    member_[i] = c;
  }

  bool move(std::size_t i) {
    const neuron_id old = member_[i];
    for (const std::size_t s : {0, 1}) strength_[old][s] -= g_.strength[i][s];
    if (--size_[old] == 0) {
      strength_[old] = {};
      empty_.push_back(old);
    }
    const neuron_id best = best_of(i, old);
    if (size_[best] == 0) empty_.pop_back();  // the last one is the only one that was tried
    add(i, best);
    return best != old;
  }

  // The one it is in, unless another is better.
  neuron_id best_of(std::size_t i, neuron_id old) {
    near_.assign({old});
    for (std::size_t k = g_.first[i]; k < g_.first[i + 1]; ++k) {
      const neuron_id c = member_[g_.links[k].to];
      if (linked_[c] == by_sign{}) near_.push_back(c);
      for (const std::size_t s : {0, 1}) linked_[c][s] += g_.links[k].weight[s];
    }
    if (g_.nodes() <= try_all)
      for (neuron_id c = 0; c < g_.nodes(); ++c)
        if (size_[c] != 0) near_.push_back(c);
    if (!empty_.empty()) near_.push_back(empty_.back());
    neuron_id best = old;
    double most = gain(i, old) + least_gain * (g_.total[0] + g_.total[1]);
    for (const neuron_id c : near_)
      if (const double g = gain(i, c); g > most) {
        most = g;
        best = c;
      }
    for (const neuron_id c : near_) linked_[c] = {};
    return best;
  }

  double gain(std::size_t i, neuron_id c) const {
    double g = linked_[c][0] - linked_[c][1];
    if (g_.total[0] > 0) g -= g_.strength[i][0] * strength_[c][0] / g_.total[0];
    if (g_.total[1] > 0) g += g_.strength[i][1] * strength_[c][1] / g_.total[1];
    return g;
  }

  const signed_graph& g_;
  std::vector<neuron_id>& member_;
  std::vector<by_sign> strength_, linked_;  // of communities; linked_: to the node that moves
  std::vector<neuron_id> size_, empty_, near_;
  std::vector<std::size_t> order_;
};

by_sign quality(const signed_graph& g, const std::vector<neuron_id>& member) {
  std::vector<by_sign> strength(g.nodes());
  by_sign within{}, squares{};
  for (std::size_t i = 0; i < g.nodes(); ++i)
    for (const std::size_t s : {0, 1}) {
      strength[member[i]][s] += g.strength[i][s];
      within[s] += g.within[i][s];
      for (std::size_t k = g.first[i]; k < g.first[i + 1]; ++k)
        if (member[g.links[k].to] == member[i]) within[s] += g.links[k].weight[s];
    }
  for (const by_sign& k : strength)
    for (const std::size_t s : {0, 1}) squares[s] += k[s] * k[s];
  by_sign q{};
  for (const std::size_t s : {0, 1})
    if (g.total[s] > 0) q[s] = (within[s] - squares[s] / g.total[s]) / (g.total[0] + g.total[1]);
  return {q[0], -q[1]};
}

double sum(const by_sign& q) { return q[0] + q[1]; }

// Into a random number of communities.
void divide_at_random(std::vector<neuron_id>& member, random_stream& random) {
  const std::uint32_t count = 1 + random.below(static_cast<std::uint32_t>(member.size()));
  for (neuron_id& m : member) m = random.below(count);
}

// From communities of one node each, or, in small graphs, from random ones.
std::vector<neuron_id> louvain(const signed_graph& all, bool from_random, random_stream& random,
                               const std::function<void()>& interrupt) {
  std::vector<neuron_id> member(all.nodes());
  std::iota(member.begin(), member.end(), neuron_id{0});
  if (from_random && all.nodes() <= try_all) divide_at_random(member, random);
  for (int round = 0; round < most_rounds; ++round) {
    if (!mover(all, member, random).run(interrupt) && round != 0) break;
    std::size_t count = renumber(member);
    for (;;) {
      const signed_graph g = joined(all, member);
      std::vector<neuron_id> merged(count);
      std::iota(merged.begin(), merged.end(), neuron_id{0});
      mover(g, merged, random).run(interrupt);
      const std::size_t fewer = renumber(merged);
      if (fewer == count) break;
      for (neuron_id& m : member) m = merged[m];
      count = fewer;
    }
  }
  return member;
}

signed_communities described(const signed_graph& g, std::vector<neuron_id> member) {
  signed_communities c;
  const by_sign q = quality(g, member);
  c.modularity = sum(q);
  c.by_excitatory = q[0];
  c.by_inhibitory = q[1];
  const std::size_t count = renumber(member);
  std::vector<neuron_id> size(count), order(count), number(count);
  for (const neuron_id m : member) ++size[m];
  std::iota(order.begin(), order.end(), neuron_id{0});
  std::ranges::stable_sort(order, std::greater(), [&](neuron_id m) { return size[m]; });
  for (std::size_t k = 0; k < count; ++k) {
    number[order[k]] = static_cast<neuron_id>(k);
    c.size.push_back(size[order[k]]);
  }
  for (const neuron_id m : member) c.member.push_back(number[m]);
  return c;
}

}  // namespace

std::optional<signed_communities> signed_modularity(const edge_set& excitatory,
                                                    const edge_set& inhibitory,
                                                    const std::vector<neuron_id>& member) {
  if (excitatory.edges() + inhibitory.edges() == 0) return std::nullopt;
  return described(graph_of(excitatory, inhibitory), member);
}

std::optional<signed_communities> best_signed_communities(const edge_set& excitatory,
                                                          const edge_set& inhibitory,
                                                          std::uint64_t seed,
                                                          const std::function<void()>& interrupt) {
  if (excitatory.edges() + inhibitory.edges() == 0) return std::nullopt;
  const signed_graph g = graph_of(excitatory, inhibitory);
  std::vector<neuron_id> best;
  double most = 0;
  const std::size_t visit_orders = std::clamp(
      nodes_of_all_orders / std::max<std::size_t>(1, g.nodes()), fewest_orders, most_orders);
  for (std::size_t order = 0; order < visit_orders; ++order) {
    random_stream random(seed, purpose::graph_edges, (std::uint64_t{1} << 33) + order);
    std::vector<neuron_id> found = louvain(g, order % 2 == 1, random, interrupt);
    const double q = sum(quality(g, found));
    if (best.empty() || q > most + least_gain) {
      most = q;
      best = std::move(found);
    }
  }
  return described(g, std::move(best));
}

}  // namespace bdh
