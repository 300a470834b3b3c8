#include "apps/analysis/sigma_rows.hpp"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include <bdh/error.hpp>
#include <bdh/simulator.hpp>
#include <bdh/state_file.hpp>

#include "apps/common/options.hpp"
#include "apps/common/signals.hpp"
#include "core/analysis/hebbian_trace.hpp"

namespace bdh::app {
namespace {

void expect_layer(const model& m, std::uint64_t layer) {
  if (layer > m.layers())
    throw input_error("--layer", std::to_string(layer), fmt::format("1 to {}", m.layers()));
}

weight_matrix of_text(const model& m, const sigma_choice& o, std::uint64_t threads) {
  const auto layer = static_cast<layer_id>(*o.layer);
  engine_choice engine;
  engine.threads = threads;
  engine.retention = o.retention;
  simulator brain = engine.make(m);
  hebbian_trace kept(brain, {layer}, o.factor == "y" ? probe_factor::y : probe_factor::w);
  const auto input = o.text.open(m);
  while (const auto token = input->next()) {
    stop_if_requested();
    brain.step(*token);
  }
  stop_if_requested();
  if (brain.tokens() == 0)
    throw input_error("text", "no tokens", "one or more, which write synapses");
  return kept.of(layer).strengths();
}

// The stored ones: explicit edges from neuron to neuron.
weight_matrix of_state(const model& m, const sigma_choice& o) {
  const run_state state = load_state(o.state, m);
  if (!m.is_direct())
    throw unavailable_error(o.state, "synapses from neurons to hubs",
                            "a text, to have those between neurons",
                            "give it with --text or --text-file: the model has no others, and they "
                            "follow from what wrote them");
  engine_choice engine;
  engine.retention = state.retention;
  simulator brain = engine.make(m);
  brain.restore(state);
  const projection& gs = m.direct().gs;
  std::vector<neuron_id> targets;
  std::vector<float> strengths;
  array<edge_id> indptr(std::size_t{m.neurons()} + 1);
  for (neuron_id i = 0; i < m.neurons(); ++i) {
    const std::vector<float> all = brain.synapses(static_cast<layer_id>(*o.layer), i);
    const edge_id first = gs.indptr()[i];
    for (std::size_t e = 0; e < all.size() && gs.indices()[first + e] < m.neurons(); ++e) {
      targets.push_back(gs.indices()[first + e]);
      strengths.push_back(all[e]);
    }
    indptr[i + 1] = targets.size();
  }
  array<neuron_id> indices(targets.size());
  std::copy(targets.begin(), targets.end(), indices.begin());
  array<float> values(strengths.size());
  std::copy(strengths.begin(), strengths.end(), values.begin());
  return weight_matrix::of_edges(
      projection::sparse("sigma", gs.source(), {gs.source().name, m.neurons()}, major::source,
                         std::move(indptr), std::move(indices), std::move(values)));
}

}  // namespace

void sigma_choice::add_to(command_line& c) {
  add_number<std::uint64_t>(c, "--layer", layer, {1, 1 << 20, "an integer >= 1"},
                            "sigma, or of a run: of this layer")
      .type_name("L");
  text.add_to(c, false);
  c.add("--state", state,
        "sigma: out of a state, in place of a text; of models with explicit edges")
      .type_name("FILE");
  c.add("--factor", factor, "sigma, or of a run: w, what acts, or y, the paper's Eq. 16 [w]")
      .type_name("F")
      .one_of({"w", "y"});
  add_number<double>(c, "--retention", retention, retention_range,
                     "sigma: factor u on every synapse per token [the model's]")
      .type_name("U");
}

void sigma_choice::check(bool wanted) const {
  if (!wanted) {
    if (layer || text.given() != 0 || !state.empty() || !factor.empty() || retention)
      throw usage_error("--layer, --state, --factor, --retention or a text", "for --graph sigma");
    return;
  }
  if (!layer) throw usage_error("--graph sigma", "needs --layer");
  if (state.empty()) return text.check(false);
  if (text.given() != 0) throw usage_error("--state", "is in place of a text");
  if (!factor.empty() || retention)
    throw usage_error(
        "--state", "has what acted and its own retention; --factor and --retention are for texts");
}

void sigma_choice::check_of_run() const {
  if (!layer) throw usage_error("--layer", "says of which layer the recorded pairs are");
  if (text.given() != 0 || !state.empty() || retention)
    throw usage_error("--state, --retention or a text", "for a model: a run has its own");
}

weight_matrix sigma_choice::rows(const model& m, std::uint64_t threads) const {
  expect_layer(m, *layer);
  return state.empty() ? of_text(m, *this, threads) : of_state(m, *this);
}

}  // namespace bdh::app
