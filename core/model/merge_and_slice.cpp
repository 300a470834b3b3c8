#include "core/model/merge_and_slice.hpp"

#include <algorithm>
#include <numeric>
#include <string>
#include <unordered_set>
#include <utility>

#include <bdh/error.hpp>

#include "core/base/version.hpp"
#include "graph/combine.hpp"

namespace bdh {
namespace {

using numbers = std::vector<neuron_id>;

numbers from(neuron_id first, std::size_t count) {
  numbers all(count);
  std::iota(all.begin(), all.end(), first);
  return all;
}

// A model of which some or all neurons go into another one.
struct source_model {
  const model* from;
  numbers neurons;  // the new number of each, or nowhere
};

array<float> copied(std::span<const float> values) {
  array<float> copy(values.size());
  std::copy(values.begin(), values.end(), copy.begin());
  return copy;
}

// u of every synapse of gs, as the weights of the same edges.
projection retention_as_weights(const model& m) {
  const projection& gs = m.direct().gs;
  array<edge_id> indptr(gs.indptr().size());
  array<neuron_id> indices(gs.indices().size());
  std::copy(gs.indptr().begin(), gs.indptr().end(), indptr.begin());
  std::copy(gs.indices().begin(), gs.indices().end(), indices.begin());
  array<float> u = copied(m.direct().retention);
  if (u.empty()) {
    u = array<float>(gs.edges());
    std::fill(u.begin(), u.end(), static_cast<float>(m.retention()));
  }
  return projection::sparse("retention", gs.source(), gs.target(), gs.rows_are(), std::move(indptr),
                            std::move(indices), std::move(u));
}

// Puts the circuits of the models together: neurons at their new numbers, hubs, sensory and readout
// nodes one on the other.
class assembly {
 public:
  assembly(std::span<const source_model> models, neuron_id neurons, float scale_e)
      : models_(models),
        first_(*models[0].from),
        n_(neurons),
        scale_e_(scale_e),
        mean_(1.0f / static_cast<float>(models.size())) {
    for (const source_model& p : models) neurons_.push_back(p.neurons);
  }

  // Of a model with explicit edges: the pool that gives its gains.
  hub_circuits hubs() const {
    const population neurons{"neurons", n_}, &hubs = first_.circuits().e.target(),
                                             &tokens = first_.circuits().sensory.source(),
                                             &readout = first_.circuits().readout.target();
    const places to_hubs = all_of(hubs), to_tokens = all_of(tokens), to_readout = all_of(readout);
    hub_circuits c;
    const auto gather = [&](projection hub_circuits::*which, const population& source,
                            const population& target, const places& sources, const places& targets,
                            float factor) {
      const projection& like = first_.circuits().*which;
      std::vector<placement> all;
      for (std::size_t i = 0; i < models_.size(); ++i)
        all.push_back({&(models_[i].from->circuits().*which), sources[i], targets[i], factor});
      c.*which = combined(like.name(), source, target, like.rows_are(), all);
    };
    gather(&hub_circuits::e, neurons, hubs, neurons_, to_hubs, scale_e_);
    gather(&hub_circuits::sensory, tokens, hubs, to_tokens, to_hubs, mean_);
    if (readout.size != 0)
      gather(&hub_circuits::readout, hubs, readout, to_hubs, to_readout, mean_);
    if (first_.is_direct()) return c;
    gather(&hub_circuits::dx, hubs, neurons, to_hubs, neurons_, 1);
    gather(&hub_circuits::dy, hubs, neurons, to_hubs, neurons_, 1);
    return c;
  }

  direct_circuits edges() const {
    const direct_circuits& like = first_.direct();
    // Behind the neurons come the sensory nodes, where these are sources.
    const population neurons{"neurons", n_},
        sources{"sources", n_ + (first_.sources() - first_.neurons())},
        &tokens = like.sensory.source(), &readout = like.readout.target();
    const places to_tokens = all_of(tokens), to_readout = all_of(readout);
    places as_sources = neurons_;
    for (numbers& places_of : as_sources)
      for (neuron_id t = n_; t < sources.size; ++t) places_of.push_back(t);
    direct_circuits c;
    const auto gather = [&](projection direct_circuits::*which, const population& source,
                            const population& target, const places& from, const places& to,
                            float factor) {
      std::vector<placement> all;
      for (std::size_t i = 0; i < models_.size(); ++i)
        all.push_back({&(models_[i].from->direct().*which), from[i], to[i], factor});
      c.*which = combined((like.*which).name(), source, target, (like.*which).rows_are(), all);
    };
    using edges = direct_circuits;
    for (projection edges::*circuit : {&edges::gx_excitatory, &edges::gx_inhibitory,
                                       &edges::gy_excitatory, &edges::gy_inhibitory})
      gather(circuit, sources, neurons, as_sources, neurons_, 1);
    gather(&edges::gs, neurons, sources, neurons_, as_sources, 1);
    if (like.sensory.edges() != 0) gather(&edges::sensory, tokens, neurons, to_tokens, neurons_, 1);
    if (like.readout.edges() != 0)
      gather(&edges::readout, sources, readout, as_sources, to_readout, mean_);
    if (own_retention()) c.retention = retention(neurons, sources, as_sources);
    return c;
  }

 private:
  using places = std::vector<numbers>;  // of each model

  places all_of(const population& p) const { return places(models_.size(), from(0, p.size)); }

  bool own_retention() const {
    return std::ranges::any_of(models_, [&](const source_model& p) {
      return !p.from->direct().retention.empty() || p.from->retention() != first_.retention();
    });
  }

  array<float> retention(const population& neurons, const population& sources,
                         const places& as_sources) const {
    std::vector<projection> u;
    for (const source_model& p : models_) u.push_back(retention_as_weights(*p.from));
    std::vector<placement> all;
    for (std::size_t i = 0; i < models_.size(); ++i)
      all.push_back({&u[i], neurons_[i], as_sources[i], 1});
    return copied(combined("retention", neurons, sources, u[0].rows_are(), all).weights());
  }

  std::span<const source_model> models_;
  const model& first_;
  neuron_id n_;
  float scale_e_, mean_;
  places neurons_;
};

model_spec assembled(std::span<const source_model> models, neuron_id neurons, float scale_e) {
  const model& first = *models[0].from;
  model_spec p = first.spec_without_circuits();
  p.memory_order.clear();
  p.origin = {.creator = creator(),
              .source = {},
              .source_sha256 = {},
              .layout = {},
              .inferred = {},
              .not_used = {},
              .recipe = {},
              .tuning = {},
              .learning = {}};
  const assembly a(models, neurons, scale_e);
  if (first.is_direct()) p.direct = a.edges();
  if (first.circuits().e.edges() != 0) p.circuits = a.hubs();
  return p;
}

void check_scale(const model& m, float scale_e) {
  if (!(scale_e > 0)) throw input_error("scale_e", shown(scale_e), "a number > 0");
  if (m.is_direct() && scale_e != 1)
    throw input_error("scale_e", shown(scale_e), "1, with explicit edges", "these have no E");
}

// ---- merging

[[noreturn]] void differ(const std::string& what, const std::string& a, const std::string& b,
                         const std::string& hint = {}) {
  throw shape_error(what, a + " and " + b, "the same in both models", hint);
}

void expect_same(const char* what, std::uint64_t a, std::uint64_t b, const std::string& hint = {}) {
  if (a != b) differ(what, std::to_string(a), std::to_string(b), hint);
}

void expect_alike(const model& a, const model& b) {
  const auto circuits = [](const model& m) {
    return std::string(m.is_direct() ? "explicit edges" : "through hubs");
  };
  if (a.is_direct() != b.is_direct()) differ("circuits", circuits(a), circuits(b));
  for (const model* m : {&a, &b})
    if (m->is_direct() && m->hubs() != 0)
      throw unavailable_error("circuits",
                              "explicit edges with the hubs of a BDH-GPU model as a pool",
                              "circuits through hubs",
                              "edges from the neurons of one model to those of the other follow "
                              "only from Dx: merge the models, then "
                              "bdh import --circuit direct");
  if (a.rules().name() != b.rules().name()) differ("dynamics", a.rules().name(), b.rules().name());
  if (a.rules().epsilon() != b.rules().epsilon())
    differ("epsilon", shown(a.rules().epsilon()), shown(b.rules().epsilon()));
  expect_same("hubs", a.hubs(), b.hubs(), "neurons of both models meet in the hubs");
  expect_same("layers", a.layers(), b.layers());
  expect_same("heads", a.heads(), b.heads(), "neurons are joined head by head");
  expect_same("sensory nodes", a.sensory_nodes(), b.sensory_nodes());
  expect_same("readout nodes", a.readout_nodes(), b.readout_nodes());
  if (a.tokens() != b.tokens()) differ("tokenizer", name(a.tokens()), name(b.tokens()));
  if (a.tokenizer_definition() && *a.tokenizer_definition() != *b.tokenizer_definition())
    differ("tokenizer", name(a.tokens()), std::string("another ") + name(b.tokens()));
  const auto turns = [](const model& m) {
    return std::string(m.rotation().present() ? "rotation" : "none");
  };
  if (a.rotation().present() != b.rotation().present()) differ("rotation", turns(a), turns(b));
  if (!a.is_direct() && a.retention() != b.retention())
    differ("retention", shown(a.retention()), shown(b.retention()));
  if (std::uint64_t{a.neurons()} + b.neurons() > 0xfffffffeu)
    throw shape_error("neurons", std::to_string(std::uint64_t{a.neurons()} + b.neurons()),
                      "at most 4294967294");
}

std::string display_name(const model& m, neuron_id i, const char* prefix) {
  return prefix + (m.neuron_names().empty() ? std::to_string(i) : m.neuron_names()[i]);
}

bool share_a_name(const model& a, const model& b) {
  return std::ranges::any_of(
      b.neuron_names(), [&](const std::string& name) { return a.neuron_named(name).has_value(); });
}

rotation joined(const rotation& a, const rotation& b) {
  std::vector<double> frequency(a.frequency().begin(), a.frequency().end());
  frequency.insert(frequency.end(), b.frequency().begin(), b.frequency().end());
  return rotation(frequency);
}

std::string origin_text(const model& m) {
  std::string text = m.origin().source.empty() ? "a model" : m.origin().source;
  if (!m.content_sha256().empty()) text += " (" + m.content_sha256().substr(0, 12) + ")";
  return text;
}

// No list for neurons that have their own numbers.
numbers without_identity(numbers ids) { return ids == from(0, ids.size()) ? numbers() : ids; }

// ---- slicing

// The chosen neurons and those that turn with them.
std::vector<bool> with_partners(const model& m, std::span<const neuron_id> keep,
                                numbers& partners) {
  std::vector<bool> kept(m.neurons());
  for (neuron_id i : keep) {
    if (i >= m.neurons())
      throw input_error("neuron", std::to_string(i), "0 to " + std::to_string(m.neurons() - 1));
    kept[i] = true;
  }
  for (neuron_id i = 0; m.rotation().present() && i < m.neurons(); ++i)
    if (!kept[i] && kept[i ^ 1u]) partners.push_back(i);
  for (neuron_id i : partners) kept[i] = true;
  return kept;
}

// The chosen neurons of each head that has any, as positions in it.
std::vector<std::pair<head_id, numbers>> by_head(const model& m, const std::vector<bool>& kept) {
  std::vector<std::pair<head_id, numbers>> heads;
  for (head_id h = 0; h < m.heads(); ++h) {
    numbers positions;
    for (neuron_id k = 0; k < m.neurons_per_head(); ++k)
      if (kept[h * m.neurons_per_head() + k]) positions.push_back(k);
    if (!positions.empty()) heads.emplace_back(h, std::move(positions));
  }
  return heads;
}

std::vector<double> frequencies(const model& m, const numbers& positions) {
  std::vector<double> all;
  for (std::size_t k = 0; k < positions.size(); k += 2)
    all.push_back(m.rotation().frequency()[positions[k] / 2]);
  return all;
}

void expect_equal_heads(const model& m, const std::vector<std::pair<head_id, numbers>>& heads) {
  const auto& [first, positions] = heads.front();
  for (const auto& [h, others] : heads) {
    const std::string place = "head " + std::to_string(h);
    if (others.size() != positions.size())
      throw input_error(
          place, std::to_string(others.size()) + " neurons",
          std::to_string(positions.size()) + ", as head " + std::to_string(first) + " keeps",
          "choose the same positions in every head, or whole heads");
    if (m.rotation().present() && frequencies(m, others) != frequencies(m, positions))
      throw input_error(
          place, "other rotation frequencies than those of head " + std::to_string(first),
          "the same in every head", "choose the same positions in every head, or whole heads");
  }
}

}  // namespace

merged merge(const model& a, const model& b, float scale_e) {
  expect_alike(a, b);
  check_scale(a, scale_e);
  const neuron_id n = a.neurons() + b.neurons(), in_a = a.neurons_per_head(),
                  in_b = b.neurons_per_head(), in_both = in_a + in_b;
  source_model models[2] = {{&a, numbers(a.neurons())}, {&b, numbers(b.neurons())}};
  for (neuron_id i = 0; i < a.neurons(); ++i) models[0].neurons[i] = i / in_a * in_both + i % in_a;
  for (neuron_id i = 0; i < b.neurons(); ++i)
    models[1].neurons[i] = i / in_b * in_both + in_a + i % in_b;
  model_spec p = assembled(models, n, scale_e);
  if (a.rotation().present()) p.rotation = joined(a.rotation(), b.rotation());

  // Those of `b` are numbered after all of `a`, whose own numbers may go beyond its size.
  neuron_id after_a = a.neurons();
  for (neuron_id i = 0; i < a.neurons(); ++i) after_a = std::max(after_a, a.original_id(i) + 1);
  numbers ids(n);
  for (neuron_id i = 0; i < a.neurons(); ++i) ids[models[0].neurons[i]] = a.original_id(i);
  for (neuron_id i = 0; i < b.neurons(); ++i) {
    if (b.original_id(i) >= nowhere - after_a)
      throw shape_error("original ids", "numbers beyond 32 bits", "smaller ones");
    ids[models[1].neurons[i]] = after_a + b.original_id(i);
  }
  p.original_id = without_identity(std::move(ids));

  p.neuron_names.clear();
  bool prefixed = false;
  if (!a.neuron_names().empty() || !b.neuron_names().empty()) {
    prefixed = a.neuron_names().empty() || b.neuron_names().empty() || share_a_name(a, b);
    p.neuron_names.resize(n);
    for (neuron_id i = 0; i < a.neurons(); ++i)
      p.neuron_names[models[0].neurons[i]] = display_name(a, i, prefixed ? "1/" : "");
    for (neuron_id i = 0; i < b.neurons(); ++i)
      p.neuron_names[models[1].neurons[i]] = display_name(b, i, prefixed ? "2/" : "");
  }
  if (a.training_window() != b.training_window())
    p.training_window = std::min(a.training_window(), b.training_window());
  p.origin.source = origin_text(a) + " and " + origin_text(b);
  p.origin.layout = "two models, merged";
  p.origin.inferred = {"of each head, the first " + std::to_string(in_a) +
                       " neurons are those of " + origin_text(a) + ", the next " +
                       std::to_string(in_b) + " those of " + origin_text(b)};
  if (scale_e != 1) p.origin.inferred.push_back("E times " + shown(scale_e));
  return {model(std::move(p)), prefixed};
}

sliced slice(const model& m, std::span<const neuron_id> keep, float scale_e) {
  check_scale(m, scale_e);
  if (keep.empty()) throw input_error("neurons", "none", "at least one");
  numbers partners;
  const std::vector<bool> kept = with_partners(m, keep, partners);
  const auto heads = by_head(m, kept);
  expect_equal_heads(m, heads);
  source_model models[1] = {{&m, numbers(m.neurons(), nowhere)}};
  numbers chosen;
  for (neuron_id i = 0; i < m.neurons(); ++i)
    if (kept[i]) {
      models[0].neurons[i] = static_cast<neuron_id>(chosen.size());
      chosen.push_back(i);
    }
  model_spec p = assembled(models, static_cast<neuron_id>(chosen.size()), scale_e);
  p.heads = static_cast<head_id>(heads.size());
  if (m.rotation().present()) p.rotation = rotation(frequencies(m, heads.front().second));
  numbers ids;
  p.neuron_names.clear();
  for (neuron_id i : chosen) {
    ids.push_back(m.original_id(i));
    if (!m.neuron_names().empty()) p.neuron_names.push_back(m.neuron_names()[i]);
  }
  p.original_id = without_identity(std::move(ids));
  p.origin = m.origin();
  p.origin.creator = creator();
  p.origin.inferred.push_back(std::to_string(chosen.size()) + " of " + std::to_string(m.neurons()) +
                              " neurons, in " + std::to_string(heads.size()) + " of " +
                              std::to_string(m.heads()) + " heads, of " + origin_text(m));
  if (scale_e != 1) p.origin.inferred.push_back("E times " + shown(scale_e));
  return {model(std::move(p)), std::move(partners)};
}

}  // namespace bdh
