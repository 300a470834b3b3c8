#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <tuple>

#include <bdh/error.hpp>

#include "apps/common/options.hpp"
#include "apps/plot/figure/text.hpp"
#include "apps/plot/model_figures.hpp"
#include "apps/plot/model_graph.hpp"
#include "graph/structure/network.hpp"
#include "graph/structure/plane_layout.hpp"
#include "io/files/csv.hpp"

namespace bdh::app {
namespace {

using figure::mark;

constexpr std::size_t coloured = 5;  // communities, as many as there are shapes
constexpr double hub_size = 16, node_size = 9, margin = 1.5;  // px
// the share of the edges that are its own; the others are between its neighbours
constexpr double edge_of_ego = 0.6;

neuron_id neuron_of(const model& m, const std::string& text) {
  if (const auto named = m.neuron_named(text)) return *named;
  const auto number = parse_number<std::uint64_t>(text, any_count);
  if (!number)
    throw input_error("--ego", "'" + text + "'",
                      m.neuron_names().empty() ? "a neuron's number" : "a neuron's name or number");
  if (*number >= m.neurons())
    throw input_error("--ego", "neuron " + text, "below " + std::to_string(m.neurons()));
  return static_cast<neuron_id>(*number);
}

bool stronger(const weighted_edge& a, const weighted_edge& b) {
  return std::tuple(-std::abs(a.weight), a.target, a.source) <
         std::tuple(-std::abs(b.weight), b.target, b.source);
}

bool touches(const weighted_edge& e, neuron_id i) { return e.source == i || e.target == i; }

struct edge_order {
  bool operator()(const weighted_edge& a, const weighted_edge& b) const { return stronger(a, b); }
};
using edge_choice = std::set<weighted_edge, edge_order>;  // from the strongest on

// The strongest edges that `wanted` holds for, until `chosen` has `count`.
template <class Wanted>
void take_strongest(const std::vector<weighted_edge>& edges, std::size_t count, edge_choice& chosen,
                    Wanted wanted) {
  std::vector<weighted_edge> those;
  std::copy_if(edges.begin(), edges.end(), std::back_inserter(those), wanted);
  std::sort(those.begin(), those.end(), stronger);
  for (const weighted_edge& e : those) {
    if (chosen.size() >= count) return;
    chosen.insert(e);
  }
}

// Every hub its share of the edges, its strongest ones.
edge_choice around_hubs(const std::vector<weighted_edge>& edges, const std::vector<neuron_id>& hubs,
                        std::size_t count) {
  edge_choice chosen;
  for (std::size_t k = 0; k < hubs.size(); ++k) {
    edge_choice own;
    take_strongest(edges, (count * (k + 1)) / hubs.size() - count * k / hubs.size(), own,
                   [&](const weighted_edge& e) { return touches(e, hubs[k]); });
    chosen.merge(own);
  }
  take_strongest(edges, count, chosen, [&](const weighted_edge& e) {
    return std::any_of(hubs.begin(), hubs.end(), [&](neuron_id hub) { return touches(e, hub); });
  });
  return chosen;
}

edge_choice around_ego(const std::vector<weighted_edge>& edges, neuron_id ego, std::size_t count) {
  edge_choice chosen;
  take_strongest(edges,
                 static_cast<std::size_t>(std::ceil(edge_of_ego * static_cast<double>(count))),
                 chosen, [&](const weighted_edge& e) { return touches(e, ego); });
  std::set<neuron_id> near;
  for (const weighted_edge& e : chosen) near.insert({e.source, e.target});
  take_strongest(edges, count, chosen, [&](const weighted_edge& e) {
    return !touches(e, ego) && near.contains(e.source) && near.contains(e.target);
  });
  return chosen;
}

class neighbourhood {
 public:
  neighbourhood(const model& m, const model_graph& g, const neighbourhood_choice& around,
                const community_choice& c)
      : m_(m) {
    if (!around.ego.empty()) ego_ = neuron_of(m, around.ego);
    beta_ = g.threshold(c.most_edges);
    const std::uint64_t own = ego_ ? 2 * std::uint64_t{m.neurons()} : 0;
    const std::vector<weighted_edge> edges =
        g.edges_above({beta_, beta_}, c.most_edges + own, ego_);
    count_degrees(edges);
    choose_hubs(around.hubs);
    chosen_ = ego_ ? around_ego(edges, *ego_, around.top_edges)
                   : around_hubs(edges, hubs_, around.top_edges);
    find_communities(edges, g, c.seed);
    std::set<neuron_id> shown(hubs_.begin(), hubs_.end());
    for (const weighted_edge& e : chosen_) shown.insert({e.source, e.target});
    nodes_.assign(shown.begin(), shown.end());
    place_nodes();
  }

  std::vector<mark> marks() const {
    std::vector<mark> all = arrows();
    for (mark& k : discs()) all.push_back(std::move(k));
    for (mark& k : labels()) all.push_back(std::move(k));
    return all;
  }

  std::vector<std::string> notes() const {
    std::vector<std::string> all;
    const std::string graph = fmt::format("{} with |W| > {:.4g}", counted(edges_, "edge"), beta_);
    const std::string chosen = counted(chosen_.size(), "edge"),
                      neurons = counted(nodes_.size(), "neuron");
    const std::string hubs =
        hubs_.size() == 1 ? "the neuron" : fmt::format("the {} neurons", hubs_.size());
    if (ego_)
      all.push_back(
          fmt::format("The {} of neuron {} and between its neighbours, the strongest; {}.", chosen,
                      neuron_label(m_, *ego_), neurons));
    else
      all.push_back(
          fmt::format("{} at {} with the most edges, the strongest of the graph of {}; {}.", chosen,
                      hubs, graph, neurons));
    if (communities_)
      all.push_back(fmt::format("Communities of {} (Leiden; {} in all, modularity {:.3f}).",
                                ego_ ? "the graph of " + graph : "that graph",
                                with_separators(communities_->size.size()),
                                communities_->modularity));
    if (nodes_.size() > 2) all.push_back("Labels without room are left out.");
    return all;
  }

  std::string csv() const {
    std::string text =
        "source,target,weight,source_edges,target_edges,source_community,target_community\n";
    const auto community = [&](neuron_id i) {
      return communities_ ? std::to_string(communities_->member[i]) : std::string();
    };
    for (const weighted_edge& e : chosen_)
      text +=
          fmt::format("{},{},{},{},{},{},{}\n", csv_quoted_if_needed(neuron_label(m_, e.source)),
                      csv_quoted_if_needed(neuron_label(m_, e.target)), e.weight, degree_[e.source],
                      degree_[e.target], community(e.source), community(e.target));
    return text;
  }

 private:
  void count_degrees(const std::vector<weighted_edge>& edges) {
    degree_.assign(m_.neurons(), 0);
    for (const weighted_edge& e : edges) {
      if (!(std::abs(e.weight) > beta_)) continue;  // only here because it is the ego's
      ++degree_[e.source];
      ++degree_[e.target];
      ++edges_;
    }
  }

  void choose_hubs(std::uint64_t count) {
    if (ego_) {
      hubs_ = {*ego_};
      return;
    }
    std::vector<neuron_id> order(m_.neurons());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](neuron_id a, neuron_id b) { return degree_[a] > degree_[b]; });
    while (!order.empty() && degree_[order.back()] == 0) order.pop_back();
    order.resize(std::min<std::size_t>(order.size(), count));
    hubs_ = order;
  }

  void find_communities(const std::vector<weighted_edge>& edges, const model_graph& g,
                        std::uint64_t seed) {
    std::vector<weighted_edge> strong;
    std::copy_if(edges.begin(), edges.end(), std::back_inserter(strong),
                 [&](const weighted_edge& e) { return std::abs(e.weight) > beta_; });
    communities_ = g.communities_in(edge_set_of(strong, m_.neurons(), sign::both)).leiden(seed);
  }

  void place_nodes() {
    const auto index = [&](neuron_id i) {
      return static_cast<neuron_id>(std::lower_bound(nodes_.begin(), nodes_.end(), i) -
                                    nodes_.begin());
    };
    std::vector<std::pair<neuron_id, neuron_id>> links;
    for (const weighted_edge& e : chosen_) links.emplace_back(index(e.source), index(e.target));
    const std::vector<place> found = plane_layout(static_cast<neuron_id>(nodes_.size()), links);
    for (std::size_t k = 0; k < nodes_.size(); ++k) at_[nodes_[k]] = found[k];
  }

  double size_of(neuron_id i) const {
    return std::find(hubs_.begin(), hubs_.end(), i) != hubs_.end() ? hub_size : node_size;
  }

  std::vector<mark> arrows() const {
    const double strongest = chosen_.empty() ? 1 : std::abs(chosen_.begin()->weight);
    std::vector<mark> both;
    for (const bool excites : {true, false}) {
      mark k{.how = figure::form::arrows,
             .name = excites ? "excitatory edge" : "inhibitory edge",
             .of = excites ? figure::excitatory : figure::inhibitory,
             .dashed = !excites,
             .blunt = !excites};
      for (const weighted_edge& e : chosen_) {
        if ((e.weight > 0) != excites) continue;
        for (neuron_id i : {e.source, e.target}) {
          k.x.push_back(at_.at(i).x);
          k.y.push_back(at_.at(i).y);
          k.clearance.push_back(size_of(i) / 2 + margin);
        }
        k.tips.push_back(fmt::format("{} → {}: weight {:.4g}", neuron_label(m_, e.source),
                                     neuron_label(m_, e.target), e.weight));
        k.sizes.push_back(0.6 + 1.6 * std::abs(e.weight) / strongest);
      }
      if (!k.x.empty()) both.push_back(std::move(k));
    }
    return both;
  }

  // One series a community, those with the most neurons here first; the others in grey.
  std::vector<mark> discs() const {
    static constexpr figure::colour colours[coloured] = {{0x00, 0x9e, 0x73},
                                                         {0xe6, 0x9f, 0x00},
                                                         {0xcc, 0x79, 0xa7},
                                                         {0x56, 0xb4, 0xe9},
                                                         {0x22, 0x22, 0x22}};
    static constexpr figure::shape shapes[coloured] = {
        figure::shape::disc, figure::shape::square, figure::shape::triangle, figure::shape::diamond,
        figure::shape::cross};
    std::map<neuron_id, std::vector<neuron_id>> members;
    for (neuron_id i : nodes_) members[communities_ ? communities_->member[i] : 0].push_back(i);
    std::vector<std::pair<neuron_id, std::vector<neuron_id>>> order(members.begin(), members.end());
    std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
      return a.second.size() > b.second.size();
    });
    std::sort(order.begin(),
              order.begin() + static_cast<std::ptrdiff_t>(std::min(coloured, order.size())));
    std::vector<mark> all;
    for (std::size_t c = 0; c < order.size(); ++c) {
      const bool own = c < coloured;
      std::string name = own ? fmt::format("community {}", order[c].first) : "other communities";
      if (!communities_) name = "neuron";
      if (own || c == coloured)
        all.push_back({.how = figure::form::points,
                       .name = name,
                       .of = own ? colours[c] : figure::grey,
                       .size = node_size,
                       .with = own ? shapes[c] : figure::shape::disc});
      mark& k = all.back();
      for (neuron_id i : order[c].second) {
        k.x.push_back(at_.at(i).x);
        k.y.push_back(at_.at(i).y);
        k.sizes.push_back(size_of(i));
        k.tips.push_back(fmt::format("neuron {}: {} edges", neuron_label(m_, i), degree_[i]));
      }
    }
    return all;
  }

  // Hubs first: what has no room is left out.
  std::vector<mark> labels() const {
    mark of_hubs{.how = figure::form::texts, .size = 11, .bold = true},
        of_others{.how = figure::form::texts, .size = 9};
    std::vector<neuron_id> order = hubs_;
    for (neuron_id i : nodes_)
      if (std::find(hubs_.begin(), hubs_.end(), i) == hubs_.end()) order.push_back(i);
    std::stable_sort(order.begin() + static_cast<std::ptrdiff_t>(hubs_.size()), order.end(),
                     [&](neuron_id a, neuron_id b) { return degree_[a] > degree_[b]; });
    for (std::size_t at = 0; at < order.size(); ++at) {
      const neuron_id i = order[at];
      mark& k = at < hubs_.size() ? of_hubs : of_others;
      k.x.push_back(at_.at(i).x);
      k.y.push_back(at_.at(i).y);
      k.clearance.push_back(size_of(i) / 2 - 1);
      k.labels.push_back(figure::cut(neuron_label(m_, i), 12 * k.size, k.size, k.bold));
    }
    return {std::move(of_hubs), std::move(of_others)};
  }

  const model& m_;
  std::optional<neuron_id> ego_;
  float beta_ = 0;
  std::uint64_t edges_ = 0;
  std::vector<std::uint64_t> degree_;
  std::vector<neuron_id> hubs_, nodes_;  // nodes: all that are drawn, ascending
  edge_choice chosen_;
  std::optional<communities> communities_;
  std::map<neuron_id, place> at_;
};

}  // namespace

figure::picture neighbourhood_of(const model& m, const std::string& name,
                                 const graph_choice& choice, const neighbourhood_choice& around,
                                 const community_choice& communities) {
  const model_graph g(m, choice, choice.beta ? 1 : 2);
  const neighbourhood near(m, g, around, communities);
  figure::picture p{
      {.title = fmt::format(
           "{} of {}: around {}", g.name(), name,
           around.ego.empty() ? "the hubs" : "neuron " + neuron_label(m, neuron_of(m, around.ego))),
       .notes = near.notes(),
       .panel_height = 520},
      near.csv()};
  figure::panel panel{.x = {.least = -0.08, .most = 1.08, .tight = true, .hidden = true},
                      .y = {.label = "edges and neurons",
                            .least = -0.06,
                            .most = 1.06,
                            .tight = true,
                            .hidden = true},
                      .marks = near.marks(),
                      .nothing = "no edges"};
  p.what.panels.push_back(std::move(panel));
  return p;
}

}  // namespace bdh::app
