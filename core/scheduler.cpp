#include "core/scheduler.hpp"

#include <span>

namespace bdh {
namespace {

// The hops of an action over circuits through hubs. What to_hubs and at_hubs send must be delivered before the next step.
std::span<const hop> hops(action a) {
  static constexpr hop gather[] = {hop::to_hubs, hop::at_hubs, hop::arrive};
  static constexpr hop spread[] = {hop::from_hubs};
  static constexpr hop report[] = {hop::from_hubs, hop::arrive};
  static constexpr hop local[] = {hop::local};
  switch (a) {
    case action::sense:
    case action::propagate_synapses:
    case action::update_w:
      return gather;
    case action::propagate_gy:
    case action::propagate_gx:
      return spread;
    case action::read_out:
      return report;
    default:
      return local;
  }
}

bool sends(const step& s) { return s.at == hop::to_hubs || s.at == hop::at_hubs || (s.what == action::read_out && s.at == hop::from_hubs); }

}  // namespace

scheduler::scheduler(engine& work, exchange& mail, executor& threads, const round_table& table, layer_id layers, local_sites local)
    : engine_(work),
      exchange_(mail),
      executor_(threads),
      local_(local),
      outboxes_(local.end - local.begin, outbox(work.sites())),
      inboxes_(local.end - local.begin) {
  const auto build = [&](bool observed) {
    std::vector<phase> plan(1);
    const auto add = [&](action a, layer_id layer) {
      for (hop at : hops(a)) {
        plan.back().steps.push_back({a, at, layer});
        if (sends(plan.back().steps.back())) plan.emplace_back();
      }
    };
    const auto run_round = [&](int r, layer_id layer) {
      for (action a : table.rounds[static_cast<std::size_t>(r)]) add(a, layer);
      if (!observed || plan.back().steps.empty()) return;
      plan.back().ended_layer = layer;
      plan.back().ended_round = r;
      plan.emplace_back();
    };
    // 4 L rounds: the token sets W; round 3 of the token boundary gives x_1; the last layer's round 3 would be read by nobody.
    add(action::sense, 0);
    for (layer_id l = 1; l <= layers; ++l) {
      run_round(3, l);
      run_round(0, l);
      run_round(1, l);
      run_round(2, l);
    }
    add(action::read_out, 0);
    return plan;
  };
  plan_ = build(false);
  observed_ = build(true);
}

// One token.
//
// Tasks, for every local site s, and what orders them:
//
//   sense       token -> hubs                        W of layer 1
//   for l = 1..L
//     round 3   hubs -> neurons over Gx; threshold   needs all of W; gives X of layer l
//     round 0   neurons -> hubs over sigma_l         needs X; reads the strengths that the previous token left; gives A
//     round 1   reweight sigma_l, then decay         needs X and W of the layer's input, and round 0 done: read before write
//     round 2   hubs -> neurons over Gy; threshold;  needs all of A, and X as gate; gives Y
//               neurons -> hubs over E               needs Y; gives W for layer l + 1
//   read out    hubs -> readout nodes                needs W after layer L
//
//   neurons -> hubs takes three hops: to_hubs (each site: partial sums of its blocks of neurons; sent to the hubs' sites),
//   at_hubs (the hubs' sites: blocks in ascending order; hub values sent to all), arrive (all sites: the pool's gain).
//   hubs -> neurons takes one, from_hubs: every site has all hub values.
//
// A phase is a run of steps that needs no news from other sites; within it sites do not wait for each other, so site 0 may
// be reweighting while site 1 still propagates. Between phases all messages are delivered: that is the only barrier, and
// it is what makes "needs all of" above true. Nothing is double-buffered: a site writes its partial sums in to_hubs and its
// hub values in at_hubs, others read them in the phase that follows, and no phase does both.
//
// On entry and on exit: outboxes empty; sigma of every layer at the same token.
std::uint64_t scheduler::token(token_id token, round_observer* observer) {
  const std::size_t count = local_.end - local_.begin;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < count; ++i) engine_.present(token, static_cast<site_id>(local_.begin + i));
  for (const phase& now : observer ? observed_ : plan_) {
    executor_.for_each(count, [&](std::size_t i) {  // computation sub-round
      for (const step& s : now.steps) engine_.perform(s, static_cast<site_id>(local_.begin + i), inboxes_[i], outboxes_[i]);
    });
    bytes += exchange_.deliver(outboxes_, inboxes_);  // communication sub-round
    if (observer && now.ended_layer != 0) observer->after_round(now.ended_layer, now.ended_round);
  }
  return bytes;
}

}  // namespace bdh
