#include "core/simulation/plan.hpp"

#include <algorithm>
#include <utility>

namespace bdh {
namespace {

constexpr moment moments[] = {moment::x_ready, moment::a_ready, moment::synapses_written,
                              moment::y_ready};

const std::vector<action>& actions_before(const round_table& table, moment end) {
  return table.rounds[static_cast<std::size_t>(round_of(end))];
}

// Whether what a stage leaves behind is needed by other sites. What an action's last stage computes
// from hub values or edges is for its own site; before the last one they are logits.
bool sends(stage at, bool last_of_action) {
  if (at == stage::from_hubs || at == stage::at_targets) return !last_of_action;
  return at == stage::to_hubs || at == stage::at_hubs || at == stage::to_targets;
}

// Whether a layer's synapses are read once, and written next.
bool reweight_follows(const round_table& table) {
  std::vector<action> layer;
  for (const moment m : moments) {
    const auto& round = actions_before(table, m);
    layer.insert(layer.end(), round.begin(), round.end());
  }
  const auto read = std::find(layer.begin(), layer.end(), action::propagate_synapses);
  return std::count(layer.begin(), layer.end(), action::propagate_synapses) == 1 &&
         std::count(layer.begin(), layer.end(), action::reweight) == 1 && read + 1 != layer.end() &&
         read[1] == action::reweight;
}

class plan_builder {
 public:
  plan_builder(const action_stages& stages, bool fused)
      : stages_(stages),
        fused_(fused ? stages(action::propagate_and_reweight) : std::span<const stage>()) {}

  void add(action what, layer_id layer) {
    if (what == action::propagate_synapses && !fused_.empty())
      return add(action::propagate_and_reweight, fused_.first(fused_.size() - 1), layer);
    if (what == action::reweight && !fused_.empty())
      return add(action::propagate_and_reweight, fused_.last(1), layer);
    add(what, stages_(what), layer);
  }

  // The phase ends here, with a moment.
  void mark(round_mark at) {
    phases_.back().ends = at;
    phases_.emplace_back();
  }
  // The next phase that ends, ends with a moment.
  void mark_next(round_mark at) { pending_ = at; }
  void mark_now() {
    if (pending_) end_phase(false);
  }

  token_plan take() { return std::move(phases_); }

 private:
  void add(action what, std::span<const stage> stages, layer_id layer) {
    for (std::size_t i = 0; i < stages.size(); ++i) {
      phases_.back().steps.push_back({what, stages[i], layer});
      if (sends(stages[i], i + 1 == stages.size())) end_phase(true);
    }
  }

  void end_phase(bool sends) {
    phases_.back().sends = sends;
    if (pending_) phases_.back().ends = std::exchange(pending_, std::nullopt);
    phases_.emplace_back();
  }

  const action_stages& stages_;
  const std::span<const stage> fused_;  // of propagate_and_reweight; empty: the two are apart
  token_plan phases_ = token_plan(1);
  std::optional<round_mark> pending_;
};

}  // namespace

token_plan make_plan(const round_table& table, const action_stages& stages, layer_id layers,
                     observation sees) {
  const bool every_moment = sees >= observation::activity;
  plan_builder p(stages, sees != observation::synapses && reweight_follows(table));
  p.add(action::sense, 0);
  if (every_moment) p.mark({0, moment::token_entered});
  // The token boundary's round 3 gives x_1. Nothing would read what round 3 of the last layer
  // gives.
  for (layer_id l = 1; l <= layers; ++l)
    for (const moment m : moments) {
      for (const action a : actions_before(table, m)) p.add(a, l);
      if (every_moment) p.mark({l, m});
      if (sees == observation::drives && m == moment::x_ready) p.mark_next({l, m});
      if (sees == observation::drives && m == moment::synapses_written) p.mark_now();
    }
  p.add(action::read_out, 0);
  return p.take();
}

token_plan make_learning_plan(const action_stages& stages, layer_id layers, learning_rule rule) {
  plan_builder p(stages, false);
  p.add(action::return_readout, 0);
  for (layer_id l = layers; l >= 1 && rule == learning_rule::exact; --l) {
    p.add(action::return_gy, l);
    p.add(action::return_synapses, l);
  }
  p.add(action::learn, 0);
  return p.take();
}

}  // namespace bdh
