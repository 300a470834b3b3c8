#include "core/simulation/scheduler.hpp"

#include <algorithm>
#include <span>

namespace bdh {

scheduler::scheduler(engine& work, exchange& mail, executor& threads, const round_table& table,
                     layer_id layers)
    : engine_(work),
      exchange_(mail),
      executor_(threads),
      local_(work.local()),
      outboxes_(local_.size(), outbox(work.sites())),
      inboxes_(local_.size()),
      parts_(local_.size()) {
  for (outbox& box : outboxes_)
    for (auto& to : box) to.reserve(2);  // all that a step ever sends to one site
  for (inbox& box : inboxes_) box.reserve(std::size_t{2} * work.sites());
  const auto stages = [&work](action a) { return work.stages(a); };
  for (const observation sees :
       {observation::none, observation::drives, observation::activity, observation::synapses})
    plans_[static_cast<int>(sees)] = make_plan(table, stages, layers, sees);
}

void scheduler::begin(token_id token, observation sees) {
  for (site_id s = local_.begin; s < local_.end; ++s) engine_.present(token, s);
  bytes_ = 0;
  token_ = token;
  sees_ = sees;
  plan_ = &plans_[static_cast<int>(sees)];
  next_ = 0;
}

std::optional<round_mark> scheduler::advance() {
  const auto left = std::span(*plan_).subspan(next_);
  // After the last moment there is only the readout, which is finish()'s.
  const auto mark =
      std::find_if(left.begin(), left.end(), [](const phase& p) { return p.ends.has_value(); });
  if (mark == left.end()) return std::nullopt;
  scheduler* const alone[] = {this};
  run(alone, next_ + static_cast<std::size_t>(mark - left.begin()) + 1);
  return mark->ends;
}

void scheduler::learn(const token_plan& rounds) {
  plan_ = &rounds;
  next_ = 0;
  bytes_ = 0;
  sees_ = observation::none;
  scheduler* const alone[] = {this};
  run(alone, rounds.size());
}

void scheduler::finish(const round_observer* observer) {
  scheduler* const alone[] = {this};
  finish(alone, observer);
}

void scheduler::finish(std::span<scheduler* const> together, const round_observer* observer) {
  if (!together.empty()) run(together, together[0]->plan_->size(), observer);
}

// One token, or a part of it.
//
// Tasks, for every local site s, and what orders them (make_plan puts them in this order):
//
//     sense       token -> W                           gives W of layer 1
//     for l = 1..L
//       round 3   W -> X over Gx; threshold            needs all of W; gives X of layer l
//       round 0   X -> A over sigma_l                  needs X; reads the strengths that the
//                                                      previous token left; gives A
//       round 1   reweight sigma_l, then decay         needs X and the W that drove it, and round 0
//                                                      done: read before write
//       round 2   A -> Y over Gy; threshold; Y -> W    needs all of A, and X as gate; gives W for
//                                                      layer l + 1
//     read out    W -> logits                          needs W after layer L
//
// Where propagate_and_reweight takes the place of round 0 and of reweight, a site writes a row of
// sigma_l as soon as it has read it. The row has no other reader, and X and W are there before
// round 0 begins: the bits are the same.
//
// How a value travels is the engine's answer to stages():
//
//   through hubs    W -> X and A -> Y are one stage, from_hubs: every site has all hub values.
//                   X -> A and Y -> W are three: to_hubs (each site: partial sums of its blocks of
//                   neurons, sent to the hubs' sites), at_hubs (the hubs' sites: the tree of
//                   blocks; hub values sent to all), arrive (all: the pool's gain).
//   explicit edges  two: to_targets (active sources, sent to the sites where their edges end),
//                   at_targets (weights, sums).
//
// A phase is a run of steps that needs no message from other sites; within it sites do not wait for
// each other, so site 0 may be reweighting while site 1 still propagates. Between phases all
// messages are delivered: that is the only barrier, and it is what makes "needs all of" above true.
// Nothing is double-buffered: what a site sends it wrote in the phase before, into memory of its
// own for each kind of value, and kinds alternate; so no phase writes what another site still
// reads.
//
// On entry and on exit of a token: outboxes empty; sigma of every layer at the same token.
//
// Several streams over one model go through the same phases together. They exchange nothing: each
// has inboxes and outboxes of its own, and is where it would be alone.
void scheduler::run(std::span<scheduler* const> together, std::size_t end,
                    const round_observer* observer) {
  scheduler& first = *together[0];
  const token_plan& phases = *first.plan_;
  const std::size_t sites = first.local_.size(), begin = first.next_;
  for (std::size_t i = 0; i < sites; ++i) {
    first.parts_[i].clear();
    for (scheduler* s : together)
      first.parts_[i].push_back({&s->engine_, &s->inboxes_[i], &s->outboxes_[i]});
  }
  std::vector<begun_token> tokens;
  std::vector<exchange::delivery> deliveries;
  for (scheduler* s : together) {
    tokens.push_back({&s->engine_, s->token_, s->sees_});
    deliveries.push_back({&s->exchange_, s->outboxes_, s->inboxes_});
  }
  if (begin == 0)
    first.engine_.run_together(tokens);
  else if (begin < end && phases[begin - 1].ends)
    first.engine_.go_on(tokens);
  run_phases(
      first.executor_, sites, end - begin,
      [&](std::size_t p, std::size_t i) {  // computation sub-round
        if (observer && p != 0 && phases[begin + p - 1].ends) observer->share(i, sites);
        const auto site = static_cast<site_id>(first.local_.begin + i);
        for (const step& s : phases[begin + p].steps)
          first.engine_.perform_batch(s, site, first.parts_[i]);
      },
      [&](std::size_t p) {  // communication sub-round
        const phase& done = phases[begin + p];
        if (done.sends) first.exchange_.deliver_together(deliveries);
        for (std::size_t k = 0; k < together.size(); ++k) {
          if (done.sends) together[k]->bytes_ += deliveries[k].bytes;
          ++together[k]->next_;
        }
        if (!done.ends) return;
        if (observer) observer->round_done(*done.ends);
        if (begin + p + 1 < end) first.engine_.go_on(tokens);
      });
}

}  // namespace bdh
