#include "apps/step/laboratory.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "apps/common/signals.hpp"
#include "core/base/error.hpp"
#include "core/simulation/simulator.hpp"

namespace bdh::app {
namespace {

constexpr std::uint64_t snapshot_distance = 32;  // tokens
constexpr std::size_t most_snapshots = 2;        // each as large as all synapses

}  // namespace

laboratory::laboratory(const model& m, engine_choice engine)
    : model_(m), engine_(std::move(engine)), given_(engine_), now_(start(nullptr)) {}

// ---- living through events

laboratory::life laboratory::start(const snapshot* from) const {
  life l;
  l.brain.reset(new simulator(engine_.make(model_)));
  l.brain->follow_sources();
  if (from || base_) l.brain->restore(from ? from->state : *base_);
  for (const probe_spec& p : probed_) l.brain->probe(p);
  std::map<int, const intervention*> in_force;
  for (std::size_t i = 0; from && i < from->events; ++i) {
    if (const auto* p = std::get_if<intervention>(&events_[i])) in_force[++l.interventions] = p;
    if (const auto* r = std::get_if<release_of>(&events_[i])) in_force.erase(r->number);
  }
  for (const auto& [number, p] : in_force)
    l.number[number] = p->acts_once() && p->first < l.brain->tokens()
                           ? 0
                           : l.brain->perturb(*p);  // 0: it has acted
  return l;
}

void laboratory::live(life& l, const event& e) const {
  if (const auto* token = std::get_if<token_id>(&e)) {
    l.brain->step(*token);
  } else if (const auto* p = std::get_if<intervention>(&e)) {
    l.number[++l.interventions] = l.brain->perturb(*p);
  } else {
    const auto at = l.number.find(std::get<release_of>(e).number);
    l.brain->release(at->second);
    l.number.erase(at);
  }
}

void laboratory::open_again(life& l) const {
  if (!open_) return;
  l.brain->begin(open_->token);
  for (std::size_t r = 0; r < open_->rounds; ++r) l.brain->advance();
}

const laboratory::snapshot* laboratory::snapshot_before(std::size_t at) const {
  const snapshot* last = nullptr;
  for (const snapshot& s : snapshots_)
    if (s.events <= at) last = &s;
  return last;
}

std::size_t laboratory::token_before(std::size_t end) const {
  for (std::size_t i = end; i-- > 0;)
    if (std::holds_alternative<token_id>(events_[i])) return i;
  return end;
}

laboratory::life laboratory::relive(std::size_t events) const {
  const snapshot* from = snapshot_before(token_before(events));
  life l = start(from);
  for (std::size_t i = from ? from->events : 0; i < events; ++i) {
    stop_if_requested();
    live(l, events_[i]);
  }
  return l;
}

bool laboratory::due(const simulator& brain, const std::deque<snapshot>& snapshots) const {
  const std::uint64_t last = !snapshots.empty() ? snapshots.back().state.tokens
                             : base_            ? base_->tokens
                                                : 0;
  return brain.tokens() >= last + snapshot_distance;
}

laboratory::life laboratory::relive_all(std::deque<snapshot>& snapshots) const {
  life l = start(nullptr);
  for (std::size_t i = 0; i < events_.size(); ++i) {
    stop_if_requested();
    if (due(*l.brain, snapshots)) snapshots.push_back({i, l.brain->save()});
    if (snapshots.size() > most_snapshots) snapshots.pop_front();
    live(l, events_[i]);
  }
  open_again(l);
  return l;
}

// After an exception in the middle of a token.
void laboratory::recover() {
  open_.reset();
  const snapshot* from = snapshot_before(token_before(events_.size()));
  life l = start(from);
  for (std::size_t i = from ? from->events : 0; i < events_.size(); ++i) live(l, events_[i]);
  now_ = std::move(l);
}

// ---- tokens

void laboratory::check_between_tokens() const {
  if (open_)
    throw input_error("token " + std::to_string(brain().tokens()), "still being read",
                      "a token read to its end", "finish");
}

const step_report& laboratory::read(token_id token) {
  begin(token);
  return finish();
}

void laboratory::begin(token_id token) {
  check_between_tokens();
  if (due(brain(), snapshots_)) snapshots_.push_back({events_.size(), now_.brain->save()});
  if (snapshots_.size() > most_snapshots) snapshots_.pop_front();
  now_.brain->begin(token);
  open_ = {token, 0, {0, moment::token_entered}};
}

round_mark laboratory::advance() {
  if (!open_) throw input_error("round", "no token is being read", "round TOKEN");
  try {
    open_->last = *now_.brain->advance();
  } catch (...) {
    recover();
    throw;
  }
  const round_mark done = open_->last;
  if (++open_->rounds == std::size_t{4} * model_.layers()) finish();
  return done;
}

const step_report& laboratory::finish() {
  if (!open_) throw input_error("finish", "no token is being read", "round TOKEN before it");
  try {
    reports_.push_back(now_.brain->finish());
  } catch (...) {
    recover();
    throw;
  }
  events_.emplace_back(open_->token);
  open_.reset();
  return reports_.back();
}

std::optional<round_mark> laboratory::round() const {
  return open_ ? std::optional(open_->last) : std::nullopt;
}

// ---- interventions, probes

int laboratory::perturb(const intervention& p) {
  check_between_tokens();
  know(brain().probes_needed(p));
  intervention kept = p;
  kept.always = p.first == 0 && brain().tokens() == 0;
  live(now_, kept);
  events_.emplace_back(std::move(kept));
  return now_.interventions;
}

void laboratory::release(int number) {
  check_between_tokens();
  if (!now_.number.contains(number))
    throw input_error("intervention", std::to_string(number), "the number of one in force",
                      "interventions");
  live(now_, release_of{number});
  events_.emplace_back(release_of{number});
}

std::vector<laboratory::intervention_in_force> laboratory::interventions() const {
  std::vector<intervention_in_force> all;
  int number = 0;
  for (const event& e : events_)
    if (const auto* p = std::get_if<intervention>(&e); p && now_.number.contains(++number))
      all.push_back({number, *p});
  return all;
}

std::uint64_t laboratory::know(std::span<const probe_spec> wanted) {
  std::vector<probe_spec> missing;
  for (const probe_spec& p : wanted)
    if (!brain().strength(p)) missing.push_back(p);
  if (missing.empty()) return 0;
  if (base_ && base_->tokens != 0)
    throw unavailable_error("synapse " + shown_pair(model_, missing[0].pair),
                            "not known: the strengths were loaded, and those of pairs that are no "
                            "edges cannot be recovered",
                            "tokens that were all read here");
  std::vector<probe_spec> before = probed_;
  probed_.insert(probed_.end(), missing.begin(), missing.end());
  if (tokens_read() == 0) {
    for (const probe_spec& p : missing) now_.brain->probe(p);
    return 0;
  }
  try {
    std::deque<snapshot> snapshots;
    now_ = relive_all(snapshots);
    snapshots_ = std::move(snapshots);
  } catch (...) {
    probed_ = std::move(before);
    throw;
  }
  return tokens_read();
}

// ---- the past

laboratory::undone laboratory::undo() {
  if (open_) {
    now_ = relive(events_.size());
    open_.reset();
    return undone::token;
  }
  if (events_.empty())
    throw input_error("undo", "nothing was done yet", "a token or an intervention");
  now_ = relive(events_.size() - 1);
  const event last = std::move(events_.back());
  events_.pop_back();
  while (!snapshots_.empty() && snapshots_.back().events > events_.size()) snapshots_.pop_back();
  if (std::holds_alternative<intervention>(last)) return undone::intervention;
  if (std::holds_alternative<release_of>(last)) return undone::release;
  reports_.pop_back();
  return undone::token;
}

void laboratory::load(synapse_state state) {
  engine_choice engine = engine_;
  if (!given_.retention) engine.retention = state.retention;
  if (!given_.synapses) engine.synapses = state.rounded ? "bf16" : "float32";
  life l;
  l.brain.reset(new simulator(engine.make(model_)));
  l.brain->follow_sources();
  l.brain->restore(state);
  now_ = std::move(l);
  engine_ = std::move(engine);
  base_ = std::move(state);
  events_.clear();
  open_.reset();
  reports_.clear();
  probed_.clear();
  snapshots_.clear();
}

std::size_t laboratory::event_of_token(std::uint64_t from_the_end) const {
  std::size_t at = events_.size();
  for (std::uint64_t left = from_the_end - (open_ ? 1 : 0); left > 0; --left) at = token_before(at);
  return at;
}

void laboratory::look_back(std::uint64_t tokens, const look& at) const {
  if (tokens == 0) return;
  const std::size_t first = event_of_token(tokens);
  const snapshot* from = snapshot_before(first);
  life l = start(from);
  const auto rounds = [&](std::size_t most) {
    for (std::size_t r = 0; r < most; ++r) {
      const auto done = l.brain->advance();
      if (!done) break;
      if (!at(*l.brain, done)) return false;
    }
    return true;
  };
  for (std::size_t i = from ? from->events : 0; i < events_.size(); ++i) {
    stop_if_requested();
    const auto* token = std::get_if<token_id>(&events_[i]);
    if (i < first || !token) {
      live(l, events_[i]);
      continue;
    }
    l.brain->begin(*token);
    if (!rounds(std::size_t{4} * model_.layers())) return;
    l.brain->finish();
    if (!at(*l.brain, std::nullopt)) return;
  }
  if (!open_) return;
  l.brain->begin(open_->token);
  rounds(open_->rounds);
}

std::unique_ptr<simulator> laboratory::before_last_token() const {
  const std::size_t end = event_of_token(1);
  const snapshot* from = snapshot_before(end);
  life l = start(from);
  for (std::size_t i = from ? from->events : 0; i < end; ++i) {
    stop_if_requested();
    live(l, events_[i]);
  }
  return std::move(l.brain);
}

}  // namespace bdh::app
