#include "apps/analysis/structure_analysis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "apps/common/console.hpp"
#include "apps/common/signals.hpp"
#include "core/base/random.hpp"
#include "graph/structure/null_models.hpp"
#include "graph/structure/optional_igraph.hpp"
#include "graph/structure/random_edges.hpp"
#include "graph/structure/rewiring.hpp"
#include "graph/structure/weight_histogram.hpp"

namespace bdh::app {
namespace {

// for graphs with too many edges to keep one by one
constexpr double most_reciprocity_bytes = 1.2e9;
// Seconds, measured on one core of a server of 2023: Leiden and Louvain a link, Leiden alone,
// rewiring with the count of its clubs, a step of the search for triangles; an edge whose direction
// is kept, and one of the search for signed communities.
constexpr double communities_cost = 2e-5, leiden_cost = 1e-5, rewiring_cost = 1.1e-5,
                 triangle_cost = 1e-8, exchange_cost = 3e-6, signed_cost = 2e-5;

const char* name_of(sign s) {
  if (s == sign::both) return "both";
  return s == sign::excitatory ? "excitatory" : "inhibitory";
}

// Edges j -> k whose reverse k -> j exists among the same edges.
std::uint64_t mutual_edges(const reciprocal_edges& all, sign s) {
  if (s == sign::both) return all.excitatory + all.inhibitory + 2 * all.mixed;
  return s == sign::excitatory ? all.excitatory : all.inhibitory;
}

edge_set edges_of(const thresholded_graph& g, sign s) {
  if (s == sign::both) return united(*g.excitatory_edges, *g.inhibitory_edges);
  return s == sign::excitatory ? *g.excitatory_edges : *g.inhibitory_edges;
}

// One window at one threshold.
class analysis {
 public:
  analysis(const analysis_options& o, const model& m, const weight_matrix& rows, executor& work,
           const chosen_window& where, float beta)
      : o_(o), m_(m), rows_(rows), work_(work), window_(where.window) {
    report_.head = where.name;
    report_.tail_samples = o.tail_samples;
    report_.graph = apply_thresholds(
        rows, window_, {beta, beta}, work,
        {.neurons_per_head = where.name == "all" && m.heads() > 1 ? m.neurons_per_head() : 0},
        stop_if_requested);
  }

  structure_summary run() {
    count_reciprocal();
    const bool listed = report_.graph.excitatory_edges.has_value();
    if (!has_igraph())
      note(
          "no components, cores, rich club, communities or power laws: this build is without "
          "igraph");
    else if (!listed)
      note(fmt::format(
          "{} edges are too many to look at one by one: no components, cores, rich club or "
          "communities; at most {}, by a "
          "larger --beta or a smaller --keep",
          edges(sign::both), shown_count(static_cast<double>(threshold_options().most_edges))));
    for (const sign s : {sign::excitatory, sign::inhibitory, sign::both}) add(s);
    if (listed && o_.modularity) add_signs();
    report_.graph.excitatory_edges.reset();
    report_.graph.inhibitory_edges.reset();
    return std::move(report_);
  }

 private:
  std::uint64_t edges(sign s) const {
    const thresholded_graph& g = report_.graph;
    return (s != sign::inhibitory ? g.excitatory.edges : 0) +
           (s != sign::excitatory ? g.inhibitory.edges : 0);
  }

  void count_reciprocal() {
    if (!window_.same_neurons()) return;  // nothing leads back
    const thresholded_graph& g = report_.graph;
    if (g.excitatory_edges)
      report_.reciprocal = reciprocal_by_block(g);
    else if (reciprocal_bytes(window_) <= most_reciprocity_bytes)
      report_.reciprocal =
          reciprocal_by_block(rows_, window_, g.at, g.neurons_per_head, work_, stop_if_requested);
  }

  degree_list degrees(sign s, std::vector<std::uint32_t> sign_sums::*which, neuron_id first,
                      neuron_id count) const {
    const thresholded_graph& g = report_.graph;
    degree_list d(count);
    for (neuron_id i = 0; i < count; ++i)
      d[i] = (s != sign::inhibitory ? (g.excitatory.*which)[first + i] : 0) +
             (s != sign::excitatory ? (g.inhibitory.*which)[first + i] : 0);
    return d;
  }

  static degree_report report_of(const degree_list& degrees) {
    return {bdh::summary_of(degrees), find_tail(degrees, stop_if_requested), {}};
  }

  // Of one sample, from which follows how long all take.
  double seconds_of_p(const degree_report& d, const degree_list& degrees) const {
    const stopwatch watch;
    if (d.tail.fit && o_.tail_samples != 0)
      tail_p_value(degrees, *d.tail.fit, 1, o_.seed, stop_if_requested);
    return watch.seconds();
  }

  void find_p(degree_report& d, const degree_list& degrees) const {
    if (d.tail.fit && o_.tail_samples != 0)
      d.tail_p = tail_p_value(degrees, *d.tail.fit, o_.tail_samples, o_.seed, stop_if_requested);
  }

  void add(sign s) {
    part_report p;
    p.name = name_of(s);
    p.edges = edges(s);
    const thresholded_graph& g = report_.graph;
    p.self_loops = (s != sign::inhibitory ? g.excitatory.self_loops : 0) +
                   (s != sign::excitatory ? g.inhibitory.self_loops : 0);
    // A window from one head to another has nodes that only send and nodes that only receive.
    const degree_list in = degrees(s, &sign_sums::in_edges,
                                   window_.node_of_target(window_.first_target), window_.targets),
                      out = degrees(s, &sign_sums::out_edges, 0, window_.sources);
    p.in = report_of(in);
    p.out = report_of(out);
    if (!report_.reciprocal.empty()) {
      const reciprocal_edges reciprocal = sum_of(report_.reciprocal);
      p.mutual = reciprocity_of(mutual_edges(reciprocal, s), p.edges, window_.nodes());
    }
    std::optional<network> graph;
    if (g.excitatory_edges && has_igraph()) graph.emplace(edges_of(g, s), stop_if_requested);
    estimate_time(p.name, graph ? &*graph : nullptr,
                  seconds_of_p(p.in, in) + seconds_of_p(p.out, out));
    find_p(p.in, in);
    find_p(p.out, out);
    if (graph) p.links = links_of(*graph, s);
    if (graph && p.mutual)
      for (std::uint32_t i = 0; i < o_.rewired; ++i)
        p.rewired_mutual.push_back(rewired_share(edges_of(g, s), i, s));
    report_.parts.push_back(std::move(p));
  }

  // Of edges that lead both ways, in a graph with every in-degree and out-degree kept.
  double rewired_share(const edge_set& edges, std::uint32_t number, sign s) const {
    stop_if_requested();
    const edge_set null = rewired(edges, number, s);
    edge_id both_ways = 0;
    for_each_reciprocal(null, null, [&](neuron_id, neuron_id) { ++both_ways; });
    return static_cast<double>(both_ways) / static_cast<double>(null.edges());
  }

  edge_set rewired(const edge_set& edges, std::uint64_t number, sign s) const {
    return rewired_keeping_degrees({edges}, directed_draws(null_number(number, s)),
                                   stop_if_requested)
        .front();
  }
  random_stream directed_draws(std::uint64_t number) const {
    return random_stream(o_.seed, purpose::graph_edges, (std::uint64_t{1} << 32) + number);
  }

  void add_signs() {
    const thresholded_graph& g = report_.graph;
    const edge_set &e = *g.excitatory_edges, &i = *g.inhibitory_edges;
    const double edges = static_cast<double>(e.edges() + i.edges());
    note(fmt::format("both signs, estimated time: modularity {}",
                     shown_estimate((1 + o_.nulls) * edges * signed_cost)));
    auto found = best_signed_communities(e, i, o_.seed, stop_if_requested);
    if (!found) return;
    signed_report& r = report_.signs.emplace(signed_report{std::move(*found), {}});
    for (std::uint32_t k = 0; k < o_.nulls; ++k) {
      const auto null = rewired_keeping_degrees(
          {e, i}, directed_draws((std::uint64_t{1} << 31) + k), stop_if_requested);
      r.rewired.push_back(
          best_signed_communities(null[0], null[1], o_.seed, stop_if_requested)->modularity);
    }
  }

  // The estimate for what was requested and takes long.
  void estimate_time(const std::string& name, const network* graph,
                     double seconds_of_sample) const {
    std::string text;
    const auto add = [&](const std::string& what, double seconds) {
      text += (text.empty() ? "" : ", ") + what + " " + shown_estimate(seconds);
    };
    if (o_.tail_samples != 0)
      add(fmt::format("p values of {} samples", o_.tail_samples),
          seconds_of_sample * o_.tail_samples);
    const double links = graph ? static_cast<double>(graph->links()) : 0;
    const double of_triangles = graph && o_.triangles ? graph->triangle_work() * triangle_cost : 0;
    if (graph && o_.triangles) add("triangles", of_triangles);
    if (graph && o_.rewired != 0)
      add(fmt::format("{} rewired graphs", o_.rewired),
          o_.rewired * (links * (rewiring_cost + exchange_cost) + of_triangles));
    if (graph && o_.modularity) add("modularity", links * communities_cost);
    if (graph && o_.nulls != 0)
      add(fmt::format("{} nulls of modularity", o_.nulls),
          o_.nulls * (m_.hubs() != 0 ? 3 : 2) * links * leiden_cost);
    if (!text.empty()) note(fmt::format("{}, estimated time: {}", name, text));
  }

  links_report links_of(const network& graph, sign s) {
    links_report l;
    l.links = graph.links();
    l.weak = graph.weak();
    l.strong = graph.strong();
    l.coreness = graph.coreness();
    l.clubs = graph.rich_clubs();
    if (o_.triangles) l.triangles = graph.triangles();
    for (std::uint32_t i = 0; i < o_.rewired; ++i) add_rewired(l, graph, s, i);
    if (!o_.modularity || graph.links() == 0) return l;
    stop_if_requested();
    l.modularity.emplace();
    l.modularity->leiden = *graph.leiden(o_.seed);
    stop_if_requested();
    l.modularity->louvain = *graph.louvain(o_.seed);
    const edge_set edges = o_.nulls != 0 ? edges_of(report_.graph, s) : edge_set{};
    for (std::uint32_t i = 0; i < o_.nulls; ++i) add_nulls(l.modularity->nulls, edges, s, i);
    return l;
  }

  // Every node keeps its number of neighbours, so the clubs are those of the same degrees.
  void add_rewired(links_report& l, const network& graph, sign s, std::uint32_t number) const {
    stop_if_requested();
    random_stream seeds(o_.seed, purpose::graph_edges, null_number(number, s));
    const network null(graph.rewired(seeds(), sources()), stop_if_requested);
    std::vector<double>& coefficients = l.rewired.emplace_back();
    for (const rich_club& c : null.rich_clubs()) coefficients.push_back(c.coefficient);
    if (l.triangles) l.rewired_triangles.push_back(null.triangles());
  }

  void add_nulls(null_report& to, const edge_set& own, sign s, std::uint64_t number) {
    const auto leiden = [&](const edge_set& g) {
      stop_if_requested();
      const auto found = network(g, stop_if_requested).leiden(o_.seed);
      return found ? found->modularity : 0;
    };
    random_stream random(o_.seed, purpose::graph_edges, null_number(number, s));
    to.random.push_back(leiden(random_edges(window_.nodes(), sources(), edges(s), random)));
    to.rewired.push_back(leiden(rewired(own, number, s)));
    if (m_.hubs() == 0) return;
    const thresholded_graph& product = gaussian(number);
    to.gaussian.push_back(leiden(edges_of(product, s)));
  }

  static std::uint64_t null_number(std::uint64_t number, sign s) {
    return 3 * number + static_cast<std::uint64_t>(s);
  }
  // That are nothing else.
  neuron_id sources() const { return window_.same_neurons() ? 0 : window_.sources; }

  // Of the same number of neurons, hubs, and edges of either sign; made once for all parts.
  const thresholded_graph& gaussian(std::uint64_t number) {
    if (number < products_.size()) return products_[number];
    const random_product p = gaussian_product(window_, m_.hubs(), o_.seed + number);
    const weight_histogram sizes(p.rows, p.window, work_, stop_if_requested);
    const thresholds at{sizes.threshold(edges(sign::excitatory), sign::excitatory),
                        sizes.threshold(edges(sign::inhibitory), sign::inhibitory)};
    products_.push_back(apply_thresholds(p.rows, p.window, at, work_, {}, stop_if_requested));
    return products_.back();
  }

  const analysis_options& o_;
  const model& m_;
  const weight_matrix& rows_;
  executor& work_;
  const neuron_window window_;
  structure_summary report_;
  std::vector<thresholded_graph> products_;
};

}  // namespace

std::string shown_estimate(double seconds) {
  return seconds < 1 ? "less than 1 s" : "about " + shown_seconds(std::ceil(seconds));
}

structure_summary analyse(const analysis_options& o, const model& m, const weight_matrix& rows,
                          executor& work, const chosen_window& where, float beta) {
  if (o.tail_samples != 0 || o.nulls != 0 || o.rewired != 0 || o.modularity || o.triangles)
    expect_igraph("modularity, triangles, rewired graphs, p values of power laws");
  return analysis(o, m, rows, work, where, beta).run();
}

}  // namespace bdh::app
