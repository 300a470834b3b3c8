#include "core/model/random_model.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_set>
#include <utility>

#include <bdh/error.hpp>

#include "core/base/rounded.hpp"
#include "core/base/version.hpp"

namespace bdh {
namespace {

enum graph_number : std::uint64_t { gx = 0, gy = 1, gs = 2 };

// An error of check() is about this option.
void check_as(const char* place, const graph_recipe& r) {
  try {
    check(r);
  } catch (const input_error& e) {
    throw input_error(place, e.found(), e.expected(), e.hint());
  }
}

void check_measured(const random_model_recipe& r) {
  check(*r.measured);
  if (!r.inhibits.empty() && r.inhibits.size() != r.graph.neurons)
    throw input_error("signs of neurons", std::to_string(r.inhibits.size()),
                      std::to_string(r.graph.neurons));
  if (r.graph.neurons != neurons_of(*r.measured))
    throw input_error("neurons", std::to_string(r.graph.neurons),
                      std::to_string(neurons_of(*r.measured)));
  if (r.inhibitory_degree != 0)
    throw input_error("inhibitory-degree", std::to_string(r.inhibitory_degree),
                      "none: degrees are measured");
}

void check(const random_model_recipe& r) {
  r.measured ? check_measured(r) : check(r.graph);
  if (!(r.inhibitory >= 0 && r.inhibitory < 1))
    throw input_error("inhibitory", std::to_string(r.inhibitory), "a share, 0 <= share < 1");
  if (r.vocabulary < 1) throw input_error("vocabulary", "0", "at least 1");
  if (r.dynamics != "bdh" && r.dynamics != "normfree")
    throw input_error("dynamics", "'" + r.dynamics + "'", "bdh or normfree",
                      "the others need the pool of hubs of an imported model");
  if (!(r.retention > 0 && r.retention <= 1))
    throw input_error("retention", std::to_string(r.retention), "0 < u <= 1");
  if (r.inhibitory_degree != 0) {
    graph_recipe inhibitory = r.graph;
    inhibitory.degree = r.inhibitory_degree;
    check_as("inhibitory-degree", inhibitory);
  }
  if (r.theta && r.graph.neurons % 2 != 0)
    throw input_error("neurons", std::to_string(r.graph.neurons),
                      "an even number, since rotation binds them in pairs");
}

std::vector<provenance::entry> recipe_entries(const random_model_recipe& r) {
  const graph_recipe& g = r.graph;
  std::vector<provenance::entry> all{{"family", family_name(r)},
                                     {"neurons", std::to_string(g.neurons)}};
  all.insert(all.end(), r.from.begin(), r.from.end());
  if (!r.measured && g.family != graph_family::complete) {
    all.push_back({"degree", std::to_string(g.degree)});
    const neuron_id inhibitory = r.inhibitory_degree != 0 ? r.inhibitory_degree : g.degree;
    all.push_back({"inhibitory_degree", std::to_string(inhibitory)});
  }
  if (!r.measured && (g.family == graph_family::small_world || g.family == graph_family::blocks))
    all.push_back({"rewire", shown(g.rewired)});
  if (!r.measured && g.family == graph_family::blocks)
    all.push_back({"communities", std::to_string(g.communities)});
  if (r.inhibits.empty()) all.push_back({"inhibitory", shown(r.inhibitory)});
  all.push_back({"vocabulary", std::to_string(r.vocabulary)});
  all.push_back({"seed", std::to_string(r.seed)});
  if (r.theta) all.push_back({"theta", shown(*r.theta)});
  return all;
}

// Rows that are built one after the other, ascending within a row.
struct rows_of_edges {
  std::vector<edge_id> indptr{0};
  std::vector<neuron_id> indices;
  std::vector<float> weights;

  void reserve(std::size_t edges) {
    indices.reserve(edges);
    weights.reserve(edges);
  }
  void add(neuron_id index, float weight) {
    indices.push_back(index);
    weights.push_back(weight);
  }
  void end_row() { indptr.push_back(indices.size()); }
  projection as(std::string name, const population& source, const population& target,
                major rows) && {
    return projection::sparse(std::move(name), source, target, rows, moved(indptr), moved(indices),
                              moved(weights));
  }

 private:
  template <class T>
  static array<T> moved(std::vector<T>& from) {
    array<T> to(from.size());
    std::copy(from.begin(), from.end(), to.begin());
    from = {};
    return to;
  }
};

// The first `count` of a random order of `from`, whatever `count` is.
void draw_distinct(const std::vector<neuron_id>& from, std::size_t count, random_stream random,
                   std::vector<neuron_id>& to) {
  std::unordered_set<std::uint32_t> taken;
  while (taken.size() < count) {
    const std::uint32_t k = random.below(static_cast<std::uint32_t>(from.size()));
    if (taken.insert(k).second) to.push_back(from[k]);
  }
}

}  // namespace

const char* family_name(const random_model_recipe& r) noexcept {
  return r.measured ? name(*r.measured) : name(r.graph.family);
}

random_circuits::random_circuits(const random_model_recipe& r)
    : recipe_((check(r), r)), neurons_{"neurons", r.graph.neurons} {
  choose_inhibitory();
  const edge_set first = draw(gx, true);
  if (r.measured)
    recipe_.graph.degree = static_cast<neuron_id>(
        std::max(1.0, std::round(static_cast<double>(first.edges()) / neurons_.size)));
  gx_ = weigh(first, gx, "gx", major::source);
  gy_ = weigh(draw(gy, true), gy, "gy", major::target);
  gs_ = synapses(draw(gs, false));
  if (r.readout) readout_ = readout();
}

// The rows of inhibitory neurons come from a graph of their own, where their degree is another.
edge_set random_circuits::draw(std::uint64_t circuit, bool denser_inhibition) const {
  constexpr std::uint64_t graphs = 3;
  const random_model_recipe& r = recipe_;
  if (r.measured)
    return generate(*r.measured, random_stream(r.seed, purpose::graph_edges, circuit),
                    r.most_edges);
  edge_set all = generate(r.graph, random_stream(r.seed, purpose::graph_edges, circuit));
  if (!denser_inhibition || r.inhibitory_degree == 0 || r.inhibitory_degree == r.graph.degree)
    return all;
  graph_recipe other = r.graph;
  other.degree = r.inhibitory_degree;
  const edge_set inhibitory =
      generate(other, random_stream(r.seed, purpose::graph_edges, graphs + circuit));
  edge_set both;
  for (neuron_id i = 0; i < neurons_.size; ++i) {
    const auto row = (inhibits_[i] ? inhibitory : all).row(i);
    both.targets.insert(both.targets.end(), row.begin(), row.end());
    both.indptr.push_back(both.targets.size());
  }
  return both;
}

// Exactly the wanted share, evenly spread by chance.
void random_circuits::choose_inhibitory() {
  if (!recipe_.inhibits.empty()) {
    inhibits_ = recipe_.inhibits;
    for (neuron_id i = 0; i < neurons_.size; ++i)
      (inhibits_[i] ? inhibitory_ : excitatory_).push_back(i);
    if (excitatory_.empty()) throw input_error("neurons", "none that excites", "one at least");
    return;
  }
  std::vector<neuron_id> all(neurons_.size);
  for (neuron_id i = 0; i < neurons_.size; ++i) all[i] = i;
  const auto count = static_cast<std::size_t>(std::lround(recipe_.inhibitory * neurons_.size));
  inhibits_.assign(neurons_.size, false);
  std::vector<neuron_id> chosen;
  draw_distinct(all, std::min<std::size_t>(count, neurons_.size - 1),
                random_stream(recipe_.seed, purpose::graph_inhibition, 0), chosen);
  for (neuron_id i : chosen) inhibits_[i] = true;
  for (neuron_id i : all) (inhibits_[i] ? inhibitory_ : excitatory_).push_back(i);
}

random_circuits::signed_edges random_circuits::weigh(const edge_set& edges, std::uint64_t circuit,
                                                     const std::string& name, major rows) const {
  rows_of_edges part[2];
  for (auto& p : part) p.reserve(edges.edges());
  for (neuron_id i = 0; i < neurons_.size; ++i) {
    for (edge_id e = edges.indptr[i]; e < edges.indptr[i + 1]; ++e)
      part[inhibits_[i]].add(edges.targets[e],
                             static_cast<float>(rounded::exp(
                                 normal(recipe_.seed, purpose::graph_weights, e, circuit) - 0.5)));
    for (auto& p : part) p.end_row();
  }
  const auto finish = [&](rows_of_edges& p, const std::string& sign) {
    projection by_source = std::move(p).as(name + sign, neurons_, neurons_, major::source);
    return rows == major::source ? std::move(by_source) : by_source.transposed();
  };
  return {finish(part[0], "_excitatory"), finish(part[1], "_inhibitory")};
}

projection random_circuits::synapses(const edge_set& edges) const {
  rows_of_edges s;
  s.reserve(edges.edges() * (recipe_.theta ? 2 : 1));
  std::vector<neuron_id> both;
  for (neuron_id i = 0; i < neurons_.size; ++i) {
    const auto own = edges.row(i);
    both.assign(own.begin(), own.end());
    if (recipe_.theta) {  // a pair's two neurons have synapses to the same targets
      const auto partner = edges.row(i ^ 1);
      both.clear();
      std::set_union(own.begin(), own.end(), partner.begin(), partner.end(),
                     std::back_inserter(both));
    }
    for (neuron_id j : both) s.add(j, std::binary_search(own.begin(), own.end(), j) ? 1.0f : 0.0f);
    s.end_row();
  }
  return std::move(s).as("gs", neurons_, neurons_, major::source);
}

neuron_id random_circuits::blanket() const noexcept {
  const double edges = static_cast<double>(gx_.inhibitory.edges()),
               degree = edges / std::max<double>(1, inhibitory_neurons());
  if (degree == 0) return 0;
  return static_cast<neuron_id>(
      std::min(std::ceil(2.5 * neurons_.size / degree), static_cast<double>(inhibitory_.size())));
}

void random_circuits::draw_driven(token_id token, const circuit_gains& g,
                                  std::vector<neuron_id>& to) const {
  const std::uint64_t key = 2 * std::uint64_t{token};
  to.clear();
  draw_distinct(excitatory_, std::clamp<std::size_t>(g.sensory_edges, 1, excitatory_.size()),
                random_stream(recipe_.seed, purpose::graph_sensory, key), to);
  draw_distinct(inhibitory_, std::min<std::size_t>(g.sensory_inhibitory, inhibitory_.size()),
                random_stream(recipe_.seed, purpose::graph_sensory, key + 1), to);
  std::sort(to.begin(), to.end());
}

projection random_circuits::sensory(const circuit_gains& g) const {
  rows_of_edges s;
  std::vector<neuron_id> driven;
  for (token_id t = 0; t < recipe_.vocabulary; ++t) {
    draw_driven(t, g, driven);
    for (neuron_id i : driven) s.add(i, 1.0f);
    s.end_row();
  }
  return std::move(s).as("sensory", {"sensory", recipe_.vocabulary}, neurons_, major::source);
}

// K edges into every readout node, normal weights.
projection random_circuits::readout() const {
  std::vector<neuron_id> all(neurons_.size), heard;
  for (neuron_id i = 0; i < neurons_.size; ++i) all[i] = i;
  const neuron_id degree = std::clamp<neuron_id>(recipe_.graph.degree, 1, neurons_.size);
  rows_of_edges s;
  for (token_id v = 0; v < recipe_.vocabulary; ++v) {
    heard.clear();
    draw_distinct(all, degree,
                  random_stream(recipe_.seed, purpose::graph_readout, 2 * std::uint64_t{v}), heard);
    std::sort(heard.begin(), heard.end());
    for (neuron_id i : heard)
      s.add(i, static_cast<float>(
                   normal(recipe_.seed, purpose::graph_readout, i, 2 * std::uint64_t{v} + 1) /
                   std::sqrt(degree)));
    s.end_row();
  }
  return std::move(s).as("readout", neurons_, {"readout", recipe_.vocabulary}, major::target);
}

model random_circuits::make(const circuit_gains& g, std::vector<provenance::entry> tuning) const {
  const random_model_recipe& r = recipe_;
  model_spec p;
  p.rules = dynamics::named(r.dynamics);
  p.layers = r.layers;
  p.heads = r.heads;
  p.retention = r.retention;
  p.tokens = r.vocabulary == 256 ? tokenizer::bytes : tokenizer::ids;
  if (r.theta) p.rotation = rotation::geometric(*r.theta, neurons_.size / r.heads);
  p.origin.creator = creator();
  p.origin.layout = (r.measured ? "graphs after measured " + std::string(family_name(r))
                                : std::string(family_name(r)) + " graphs") +
                    ", seed " + std::to_string(r.seed);
  p.origin.recipe = recipe_entries(r);
  p.origin.not_used = r.not_used;
  p.neuron_names = r.names;
  p.origin.tuning = std::move(tuning);
  direct_circuits c;
  c.gx_excitatory = gx_.excitatory.scaled(static_cast<float>(g.gx));
  c.gx_inhibitory = gx_.inhibitory.scaled(static_cast<float>(g.gx * g.inhibition_x));
  c.gy_excitatory = gy_.excitatory.scaled(static_cast<float>(g.gy));
  c.gy_inhibitory = gy_.inhibitory.scaled(static_cast<float>(g.gy * g.inhibition_y));
  c.gs = gs_.scaled(1);
  c.sensory = sensory(g);
  if (r.readout) c.readout = readout_.scaled(1);
  p.direct = std::move(c);
  return model(std::move(p));
}

}  // namespace bdh
