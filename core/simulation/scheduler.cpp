#include "core/simulation/scheduler.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace bdh {
namespace {

// Whether what a step leaves behind must be delivered before the next one.
bool sends(const step& s, bool last_stage) {
  if (s.at == stage::from_hubs || s.at == stage::at_targets) return !last_stage;  // logits go on
  return s.at == stage::to_hubs || s.at == stage::at_hubs || s.at == stage::to_targets;
}

// Whether a layer's synapses are read once, and written next.
bool reweight_follows(const round_table& table) {
  std::vector<action> layer;
  for (const int r : {3, 0, 1, 2})
    layer.insert(layer.end(), table.rounds[r].begin(), table.rounds[r].end());
  const auto read = std::find(layer.begin(), layer.end(), action::propagate_synapses);
  return std::count(layer.begin(), layer.end(), action::propagate_synapses) == 1 &&
         std::count(layer.begin(), layer.end(), action::reweight) == 1 && read + 1 != layer.end() &&
         read[1] == action::reweight;
}

}  // namespace

scheduler::scheduler(engine& work, exchange& mail, executor& threads, const round_table& table,
                     layer_id layers, local_sites local)
    : engine_(work),
      exchange_(mail),
      executor_(threads),
      local_(local),
      outboxes_(local.end - local.begin, outbox(work.sites())),
      inboxes_(local.end - local.begin),
      parts_(local.end - local.begin) {
  for (outbox& box : outboxes_)
    for (auto& to : box) to.reserve(2);  // all that a step ever sends to one site
  for (inbox& box : inboxes_) box.reserve(std::size_t{2} * work.sites());
  const auto build = [&](observation at) {
    std::vector<phase> plan(1);
    const bool observed = at >= observation::activity,
               joined = at != observation::synapses && reweight_follows(table);
    layer_id drives = 0;  // the layer whose X is there, and not marked yet
    const auto end_phase = [&] {
      if (drives != 0) plan.back().ends = round_mark{std::exchange(drives, 0), 3};
      plan.emplace_back();
    };
    const auto add = [&](action a, layer_id layer) {
      const auto stages = work.stages(a);
      for (std::size_t i = 0; i < stages.size(); ++i) {
        plan.back().steps.push_back(
            {a, stages[i], layer, joined && a == action::propagate_synapses});
        if (sends(plan.back().steps.back(), i + 1 == stages.size())) end_phase();
      }
    };
    const auto run_round = [&](int r, layer_id layer) {
      for (action a : table.rounds[static_cast<std::size_t>(r)]) add(a, layer);
      if (!observed) return;
      plan.back().ends = round_mark{layer, r};
      plan.emplace_back();
    };
    // 4 L rounds: the token sets W; round 3 of the token boundary gives x_1; the last layer's round
    // 3 would be read by nobody.
    add(action::sense, 0);
    if (observed) {
      plan.back().ends = round_mark{0, 3};
      plan.emplace_back();
    }
    for (layer_id l = 1; l <= layers; ++l) {
      run_round(3, l);
      if (at == observation::drives) drives = l;
      run_round(0, l);
      run_round(1, l);
      if (drives != 0) end_phase();
      run_round(2, l);
    }
    add(action::read_out, 0);
    return plan;
  };
  for (const observation at :
       {observation::none, observation::drives, observation::activity, observation::synapses})
    plans_[static_cast<int>(at)] = build(at);
}

// One token.
//
// Tasks, for every local site s, and what orders them:
//
//     sense       token -> W                           W of layer 1
//     for l = 1..L
//       round 3   W -> X over Gx; threshold            needs all of W; gives X of layer l
//       round 0   X -> A over sigma_l                  needs X; reads the strengths that the
//       previous token left; gives A round 1   reweight sigma_l, then decay         needs X and the
//       W that drove it, and round 0 done: read before write round 2   A -> Y over Gy; threshold; Y
//       -> W    needs all of A, and X as gate; gives W for layer l + 1
//     read out    W -> logits                          needs W after layer L
//
// How a value travels is the engine's answer to stages():
//
//   through hubs    W -> X and A -> Y are one hop, from_hubs: every site has all hub values.
//                   X -> A and Y -> W are three: to_hubs (each site: partial sums of its blocks of
//                   neurons, sent to the hubs' sites), at_hubs (the hubs' sites: blocks in
//                   ascending order; hub values sent to all), arrive (all: the pool's gain).
//   explicit edges  two: to_targets (active sources, sent to the sites where their edges end),
//   at_targets (weights, sums).
//
// A phase is a run of steps that needs no news from other sites; within it sites do not wait for
// each other, so site 0 may be reweighting while site 1 still propagates. Between phases all
// messages are delivered: that is the only barrier, and it is what makes "needs all of" above true.
// Nothing is double-buffered: what a site sends it wrote in the phase before, into memory of its
// own for each kind of value, and kinds alternate; so no phase writes what another site still
// reads.
//
// On entry and on exit: outboxes empty; sigma of every layer at the same token.
//
// Several streams over one model go through the same phases together. They exchange nothing: each
// has inboxes and outboxes of its own, and is where it would be alone.
std::uint64_t scheduler::token(token_id token) {
  begin(token, observation::none);
  return finish();
}

void scheduler::begin(token_id token, observation at) {
  for (site_id s = local_.begin; s < local_.end; ++s) engine_.present(token, s);
  bytes_ = 0;
  now_ = &plans_[static_cast<int>(at)];
  next_ = 0;
}

std::optional<round_mark> scheduler::advance() {
  const auto left = std::span(*now_).subspan(next_);
  // Behind the last round there is only the readout, which is finish()'s.
  const auto mark =
      std::find_if(left.begin(), left.end(), [](const phase& p) { return p.ends.has_value(); });
  if (mark == left.end()) return std::nullopt;
  scheduler* const alone[] = {this};
  run(alone, next_ + static_cast<std::size_t>(mark - left.begin()) + 1);
  return mark->ends;
}

std::uint64_t scheduler::finish(const round_observer* looks) {
  scheduler* const alone[] = {this};
  finish(alone, looks);
  return bytes_;
}

void scheduler::finish(std::span<scheduler* const> together, const round_observer* looks) {
  if (!together.empty()) run(together, together[0]->now_->size(), looks);
}

void scheduler::run(std::span<scheduler* const> together, std::size_t end,
                    const round_observer* looks) {
  scheduler& first = *together[0];
  const std::size_t sites = first.local_.end - first.local_.begin, begin = first.next_;
  for (std::size_t i = 0; i < sites; ++i) {
    first.parts_[i].clear();
    for (scheduler* s : together)
      first.parts_[i].push_back({&s->engine_, &s->inboxes_[i], &s->outboxes_[i]});
  }
  run_phases(
      first.executor_, sites, end - begin,
      [&](std::size_t phase, std::size_t i) {  // computation sub-round
        if (looks && phase != 0 && (*first.now_)[begin + phase - 1].ends) looks->share(i, sites);
        for (const step& s : (*first.now_)[begin + phase].steps)
          first.engine_.perform_batch(s, static_cast<site_id>(first.local_.begin + i),
                                      first.parts_[i]);
      },
      [&](std::size_t phase) {  // communication sub-round
        for (scheduler* s : together) {
          s->bytes_ += s->exchange_.deliver(s->outboxes_, s->inboxes_);
          ++s->next_;
        }
        if (const auto& ends = (*first.now_)[begin + phase].ends; looks && ends)
          looks->round_done(*ends);
      });
}

}  // namespace bdh
