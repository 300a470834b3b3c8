// What a simulator carries from token to token: cleared, saved, restored.
#include <string>
#include <utility>

#include <bdh/error.hpp>

#include "core/simulation/simulator_parts.hpp"

namespace bdh {
namespace {

void expect_state_of(const model& m, const engine& work, const run_state& state) {
  if (state.model_sha256 != m.content_sha256())
    throw input_error("state", "synapses of model " + state.model_sha256.substr(0, 12),
                      "those of model " + m.content_sha256().substr(0, 12));
  // Decays that are still to be applied would be taken for others.
  if (state.retention != work.retention())
    throw input_error("state", "retention " + shown(state.retention),
                      shown(work.retention()) + ", that of this run");
  if (const bool rounds = work.rounds_synapses(); state.rounded != rounds)
    throw input_error("state", state.rounded ? "synapses in bfloat16" : "synapses in float32",
                      rounds ? "bfloat16" : "float32",
                      "a run goes on with synapses that are stored as they were");
  if (!state.logits.empty() && state.logits.size() != m.readout_nodes())
    throw shape_error("state", std::to_string(state.logits.size()) + " logits",
                      std::to_string(m.readout_nodes()));
  check_arrays(state, m);
}

// Through hubs, what is cut from a neuron that was there before is known by probes alone; a lesion
// from the first token on needs none, as nothing was written to its neurons.
void expect_removed(const model& m, const intervention& lesion, const run_state& state) {
  if (state.tokens == 0 || m.is_direct() || lesion.what != intervention_kind::lesion ||
      !lesion.always)
    return;
  throw unavailable_error(
      "state",
      "a lesion from the first token on, of which the state does not say whether it had it",
      "no such lesion",
      "remove it, restore the state, then add it: with `always` if the state was saved under it");
}

}  // namespace

void simulator::clear_synapses() {
  parts_->work->clear_synapses();
  parts_->kept.clear_synapses();
  parts_->sources.forget();
  parts_->next.restore({});
  parts_->position = {};
}

run_state simulator::save() const {
  parts_->position.expect_between_tokens();
  const engine& work = *parts_->work;
  run_state state;
  state.model_sha256 = model().content_sha256();
  state.tokens = tokens();
  state.retention = work.retention();
  state.rounded = work.rounds_synapses();
  // Logits first: reading them does not throw, and if the device fails there, save() throws next.
  state.logits.assign(logits().begin(), logits().end());
  state.network = work.save(0);
  for (layer_id l = 1; l <= model().layers(); ++l) state.layers.push_back(work.save(l));
  state.probes = parts_->kept.save();
  return state;
}

void simulator::restore(const run_state& state) {
  expect_state_of(model(), *parts_->work, state);
  if (!state.probes.empty()) parts_->probes.expect_possible();
  for (const auto& [number, p] : parts_->interventions) expect_removed(model(), p, state);
  parts_->position.inconsistent = true;  // should a device fail in between
  parts_->work->restore(0, state.network);
  for (layer_id l = 1; l <= model().layers(); ++l) parts_->work->restore(l, state.layers[l - 1]);
  parts_->kept.restore(state.probes, state.tokens);
  parts_->sources.forget();
  parts_->applier.invalidate();
  parts_->next.restore(state.logits);
  parts_->position = {};
  parts_->position.tokens = state.tokens;
}

}  // namespace bdh
