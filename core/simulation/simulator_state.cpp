// What a simulator carries from token to token: cleared, saved, restored.
#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <bdh/error.hpp>

#include "core/simulation/simulator_parts.hpp"
#include "core/simulation/weight_learner.hpp"

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
  const auto has_weights = [](const learning_state::matrix& x) { return !x.weights.empty(); };
  if (state.learning && !work.learner() &&
      std::ranges::any_of(state.learning->matrices, has_weights))
    throw input_error("state", "weights that have changed while the model read",
                      "a simulator that learns: learn_by() first");
}

// Parts of kept variables, of engines that have whole layers only: of the layer that was
// read last, or that is being put together.
class whole_layers {
 public:
  explicit whole_layers(engine& work) : work_(work) {}
  void fill(layer_id layer, const kept_part& part) {
    if (!there_ || layer != layer_) values_ = work_.save(layer);
    there_ = true;
    layer_ = layer;
    fill_part(values_, part);
  }
  void take(layer_id layer, const kept_part& part) {
    if (!there_ || layer != layer_) {
      flush();
      values_ = state_arrays(work_.variables(), layer != 0);
    }
    there_ = true;
    layer_ = layer;
    take_part(values_, part);
  }
  void flush() {
    if (there_) work_.restore(layer_, values_);
  }

 private:
  engine& work_;
  state_arrays values_;
  layer_id layer_ = 0;
  bool there_ = false;
};

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
  if (weight_learner* const learner = parts_->work->learner()) learner->forget_token();
  parts_->taught.reset();
  parts_->work->clear_synapses();
  parts_->kept.clear_synapses();
  parts_->sources.forget();
  parts_->next.restore({});
  parts_->position = {};
}

run_state simulator::save() const {
  run_state state = save_head();
  state.network = parts_->work->save(0);
  for (layer_id l = 1; l <= model().layers(); ++l) state.layers.push_back(parts_->work->save(l));
  return state;
}

run_state simulator::save_head() const {
  parts_->position.expect_between_tokens();
  const engine& work = *parts_->work;
  run_state state;
  state.model_sha256 = model().content_sha256();
  state.tokens = tokens();
  state.retention = work.retention();
  state.rounded = work.rounds_synapses();
  // Logits first: reading them does not throw, and if the device fails there, save() throws next.
  state.logits.assign(logits().begin(), logits().end());
  state.probes = parts_->kept.save();
  if (const weight_learner* const learner = work.learner()) state.learning = learner->save();
  return state;
}

simulator::part_function simulator::kept_values() const {
  engine& work = *parts_->work;
  if (work.has_parts())
    return [&work](layer_id layer, const kept_part& part) { work.save_part(layer, part); };
  return [layers = std::make_shared<whole_layers>(work)](layer_id layer, const kept_part& part) {
    layers->fill(layer, part);
  };
}

void simulator::restore(const run_state& state) {
  expect_state_of(model(), *parts_->work, state);
  check_arrays(state, model());
  restore_values(state, [&] {
    parts_->work->restore(0, state.network);
    for (layer_id l = 1; l <= model().layers(); ++l) parts_->work->restore(l, state.layers[l - 1]);
  });
}

void simulator::restore(const run_state& head,
                        const std::function<void(const part_function& take)>& give) {
  engine& work = *parts_->work;
  expect_state_of(model(), work, head);
  restore_values(head, [&] {
    if (work.has_parts())
      return give([&](layer_id layer, const kept_part& part) { work.restore_part(layer, part); });
    whole_layers layers(work);
    give([&](layer_id layer, const kept_part& part) { layers.take(layer, part); });
    layers.flush();
  });
}

void simulator::restore_values(const run_state& state, const std::function<void()>& values) {
  if (!state.probes.empty()) parts_->probes.expect_possible();
  for (const auto& [number, p] : parts_->interventions) expect_removed(model(), p, state);
  parts_->position.inconsistent = true;  // should a device fail in between
  if (weight_learner* const learner = parts_->work->learner())
    learner->restore(state.learning ? &*state.learning : nullptr);
  parts_->taught.reset();
  values();
  parts_->kept.restore(state.probes, state.tokens);
  parts_->sources.forget();
  parts_->applier.invalidate();
  parts_->next.restore(state.logits);
  parts_->position = {};
  parts_->position.tokens = state.tokens;
}

}  // namespace bdh
