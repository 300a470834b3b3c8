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

void check(const random_model_recipe& r) {
  check(r.graph);
  if (!(r.inhibitory >= 0 && r.inhibitory < 1))
    throw input_error("inhibitory", std::to_string(r.inhibitory), "a share, 0 <= share < 1");
  if (r.vocabulary < 1) throw input_error("vocabulary", "0", "at least 1");
  if (r.dynamics != "bdh" && r.dynamics != "normfree")
    throw input_error("dynamics", "'" + r.dynamics + "'", "bdh or normfree",
                      "the others need the pool of hubs of an imported model");
  if (!(r.retention > 0 && r.retention <= 1))
    throw input_error("retention", std::to_string(r.retention), "0 < u <= 1");
  if (r.theta && r.graph.neurons % 2 != 0)
    throw input_error("neurons", std::to_string(r.graph.neurons),
                      "an even number, since rotation binds them in pairs");
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

random_circuits::random_circuits(const random_model_recipe& r)
    : recipe_((check(r), r)), neurons_{"neurons", r.graph.neurons} {
  choose_inhibitory();
  const auto graph = [&](graph_number c) {
    return generate(r.graph, random_stream(r.seed, purpose::graph_edges, c));
  };
  gx_ = weigh(graph(gx), gx, "gx", major::source);
  gy_ = weigh(graph(gy), gy, "gy", major::target);
  gs_ = synapses(graph(gs));
  if (r.readout) readout_ = readout();
}

// Exactly the wanted share, evenly spread by chance.
void random_circuits::choose_inhibitory() {
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

// Every token drives the same number, so that tokens differ in which neurons they drive and not in
// how many. A neuron receives edges from 2.5 of them on average (feed-forward inhibition). With
// fewer, most neurons of a sparse graph receive no inhibition at all, and no factor on it can make
// their activity sparse. With more, a dense graph needs so small a factor that the few inhibitory
// neurons among those that fire cannot hold the others back, and the next layer recruits them all.
neuron_id random_circuits::driven_inhibitory() const noexcept {
  const double degree =
      recipe_.graph.family == graph_family::complete ? neurons_.size - 1.0 : recipe_.graph.degree;
  return static_cast<neuron_id>(
      std::min(std::ceil(2.5 * neurons_.size / degree), static_cast<double>(inhibitory_.size())));
}

void random_circuits::draw_driven(token_id token, neuron_id sensory_edges,
                                  std::vector<neuron_id>& to) const {
  const std::uint64_t key = 2 * std::uint64_t{token};
  to.clear();
  draw_distinct(excitatory_, std::clamp<std::size_t>(sensory_edges, 1, excitatory_.size()),
                random_stream(recipe_.seed, purpose::graph_sensory, key), to);
  draw_distinct(inhibitory_, driven_inhibitory(),
                random_stream(recipe_.seed, purpose::graph_sensory, key + 1), to);
  std::sort(to.begin(), to.end());
}

projection random_circuits::sensory(neuron_id edges_per_token) const {
  rows_of_edges s;
  std::vector<neuron_id> driven;
  for (token_id t = 0; t < recipe_.vocabulary; ++t) {
    draw_driven(t, edges_per_token, driven);
    for (neuron_id i : driven) s.add(i, 1.0f);
    s.end_row();
  }
  return std::move(s).as("sensory", {"sensory", recipe_.vocabulary}, neurons_, major::source);
}

token_drive random_circuits::drive(neuron_id sensory_edges, token_id tokens) const {
  const std::size_t n = neurons_.size;
  token_drive d{std::vector<float>(n * tokens), std::vector<float>(n * tokens)};
  std::vector<neuron_id> driven;
  const auto push = [&](const projection& p, neuron_id i, float* to) {
    for (edge_id e = p.indptr()[i]; e < p.indptr()[i + 1]; ++e) to[p.indices()[e]] += p.weight(e);
  };
  for (token_id t = 0; t < tokens; ++t) {
    draw_driven(t, sensory_edges, driven);
    for (neuron_id i : driven) {
      push(gx_.excitatory, i, d.excitatory.data() + n * t);
      push(gx_.inhibitory, i, d.inhibitory.data() + n * t);
    }
  }
  return d;
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

model random_circuits::make(const circuit_gains& g) const {
  const random_model_recipe& r = recipe_;
  model_spec p;
  p.rules = dynamics::named(r.dynamics);
  p.layers = r.layers;
  p.heads = r.heads;
  p.retention = r.retention;
  p.tokens = r.vocabulary == 256 ? tokenizer::bytes : tokenizer::ids;
  if (r.theta) p.rotation = rotation::geometric(*r.theta, neurons_.size / r.heads);
  p.origin.creator = creator();
  p.origin.layout = std::string(name(r.graph.family)) + " graphs, seed " + std::to_string(r.seed);
  direct_circuits c;
  c.gx_excitatory = gx_.excitatory.scaled(static_cast<float>(g.gx));
  c.gx_inhibitory = gx_.inhibitory.scaled(static_cast<float>(g.gx * g.inhibition_x));
  c.gy_excitatory = gy_.excitatory.scaled(static_cast<float>(g.gy));
  c.gy_inhibitory = gy_.inhibitory.scaled(static_cast<float>(g.gy * g.inhibition_y));
  c.gs = gs_.scaled(1);
  c.sensory = sensory(std::clamp<neuron_id>(g.sensory_edges, 1, neurons_.size));
  if (r.readout) c.readout = readout_.scaled(1);
  p.direct = std::move(c);
  return model(std::move(p));
}

}  // namespace bdh
