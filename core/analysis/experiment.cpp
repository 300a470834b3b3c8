#include <algorithm>
#include <string>
#include <utility>

#include <bdh/error.hpp>
#include <bdh/experiment.hpp>

namespace bdh {
namespace {

constexpr std::uint64_t snapshot_distance = 32;  // tokens
constexpr std::size_t max_snapshots = 2;         // each as large as all synapses

template <class Event>
bool is_noise(const Event& e) {
  const auto* p = std::get_if<intervention>(&e);
  return p != nullptr && p->what == intervention_kind::noise;
}

}  // namespace

experiment::experiment(const bdh::model& m, engine_factory make, experiment_options options)
    : model_(m), make_(std::move(make)), options_(std::move(options)), now_(begin_at(nullptr)) {}

// ---- replicas

std::unique_ptr<simulator> experiment::make_simulator(const engine_factory& make) const {
  auto brain = std::make_unique<simulator>(model_, make(model_), options_.simulator);
  brain->follow_sources();
  return brain;
}

experiment::replica experiment::begin_at(const snapshot* from) const {
  replica r;
  r.brain = make_simulator(make_);
  if (from)
    r.brain->restore(from->state);
  else if (base_)
    r.brain->restore(*base_);
  for (const probe_spec& p : probed_) r.brain->probes().add(p);
  std::map<int, const intervention*> active;
  for (std::size_t i = 0; from && i < from->events; ++i) {
    if (const auto* p = std::get_if<intervention>(&events_[i])) active[++r.interventions] = p;
    if (const auto* released = std::get_if<release_of>(&events_[i])) active.erase(released->number);
  }
  for (const auto& [number, p] : active) {
    const bool done = p->acts_once() && p->last_position() < r.brain->tokens();
    r.number[number] = done ? 0 : r.brain->interventions().add(*p);
  }
  return r;
}

void experiment::apply(replica& to, const event& e) const {
  if (const auto* token = std::get_if<token_id>(&e)) {
    to.brain->step(*token);
  } else if (const auto* p = std::get_if<intervention>(&e)) {
    to.number[++to.interventions] = to.brain->interventions().add(*p);
  } else {
    const auto at = to.number.find(std::get<release_of>(e).number);
    to.brain->interventions().remove(at->second);
    to.number.erase(at);
  }
}

void experiment::apply(replica& to, std::size_t first, std::size_t end) const {
  for (std::size_t i = first; i < end; ++i) {
    interrupt();
    apply(to, events_[i]);
  }
}

void experiment::apply_open_token(replica& to) const {
  if (!open_) return;
  to.brain->begin(open_->token);
  for (std::size_t r = 0; r < open_->rounds; ++r) to.brain->advance();
}

const experiment::snapshot* experiment::snapshot_before(std::size_t at) const {
  const snapshot* last = nullptr;
  for (const snapshot& s : snapshots_)
    if (s.events <= at) last = &s;
  return last;
}

std::size_t experiment::token_before(std::size_t end) const {
  for (std::size_t i = end; i-- > 0;)
    if (std::holds_alternative<token_id>(events_[i])) return i;
  return end;
}

experiment::replica experiment::replay_events(std::size_t events) const {
  const snapshot* from = snapshot_before(token_before(events));
  replica r = begin_at(from);
  apply(r, from ? from->events : 0, events);
  return r;
}

void experiment::add_snapshot_if_due(std::size_t events, const simulator& brain,
                                     std::deque<snapshot>& snapshots) const {
  std::uint64_t last = base_ ? base_->tokens : 0;
  if (!snapshots.empty()) last = snapshots.back().state.tokens;
  if (brain.tokens() >= last + snapshot_distance) snapshots.push_back({events, brain.save()});
  if (snapshots.size() > max_snapshots) snapshots.pop_front();
}

experiment::replica experiment::replay_all(std::deque<snapshot>& snapshots) const {
  replica r = begin_at(nullptr);
  for (std::size_t i = 0; i < events_.size(); ++i) {
    interrupt();
    add_snapshot_if_due(i, *r.brain, snapshots);
    apply(r, events_[i]);
  }
  apply_open_token(r);
  return r;
}

// After an exception in the middle of a token. It is not interrupted: nothing else is whole.
void experiment::recover() {
  open_.reset();
  const snapshot* from = snapshot_before(token_before(events_.size()));
  replica r = begin_at(from);
  for (std::size_t i = from ? from->events : 0; i < events_.size(); ++i) apply(r, events_[i]);
  now_ = std::move(r);
}

// ---- tokens

void experiment::check_between_tokens() const {
  if (open_)
    throw input_error("token " + std::to_string(current().tokens()), "still being read",
                      "a token read to its end", "finish");
}

const step_report& experiment::read(token_id token) {
  begin(token);
  return finish();
}

void experiment::begin(token_id token) {
  check_between_tokens();
  add_snapshot_if_due(events_.size(), current(), snapshots_);
  now_.brain->begin(token);
  open_ = {token, 0, {0, moment::token_entered}};
}

round_mark experiment::advance() {
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

const step_report& experiment::finish() {
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

std::optional<round_mark> experiment::round() const {
  return open_ ? std::optional(open_->last) : std::nullopt;
}

// ---- interventions, probes

int experiment::intervene(const intervention& what) {
  check_between_tokens();
  ensure_probed(current().interventions().probes_needed(what));
  intervention kept = what;
  kept.always = what.first == 0 && current().tokens() == 0 && !what.pulses();
  // Replicas number their noises anew: each keeps the number that it has now.
  if (kept.what == intervention_kind::noise && kept.noise.stream == 0)
    kept.noise.stream =
        1 + static_cast<std::uint32_t>(std::ranges::count_if(events_, is_noise<event>));
  apply(now_, kept);
  events_.emplace_back(std::move(kept));
  return now_.interventions;
}

void experiment::release(int number) {
  check_between_tokens();
  if (!now_.number.contains(number))
    throw input_error("intervention", std::to_string(number), "the number of one in force",
                      "interventions");
  apply(now_, release_of{number});
  events_.emplace_back(release_of{number});
}

std::vector<experiment::active_intervention> experiment::interventions() const {
  std::vector<active_intervention> all;
  int number = 0;
  for (const event& e : events_)
    if (const auto* p = std::get_if<intervention>(&e); p && now_.number.contains(++number))
      all.push_back({number, *p});
  return all;
}

std::uint64_t experiment::ensure_probed(std::span<const probe_spec> wanted) {
  std::vector<probe_spec> missing;
  for (const probe_spec& p : wanted)
    if (!current().probes().strength(p)) missing.push_back(p);
  if (missing.empty()) return 0;
  if (base_ && base_->tokens != 0)
    throw unavailable_error("synapse " + shown_pair(model_, missing[0].pair),
                            "not known: the strengths were loaded, and those of pairs that are no "
                            "edges cannot be recovered",
                            "tokens that were all read here");
  std::vector<probe_spec> before = probed_;
  probed_.insert(probed_.end(), missing.begin(), missing.end());
  if (tokens_read() == 0) {
    for (const probe_spec& p : missing) now_.brain->probes().add(p);
    return 0;
  }
  try {
    std::deque<snapshot> snapshots;
    now_ = replay_all(snapshots);
    snapshots_ = std::move(snapshots);
  } catch (...) {
    probed_ = std::move(before);
    throw;
  }
  return tokens_read();
}

// ---- the past

experiment::undone experiment::undo() {
  if (open_) {
    now_ = replay_events(events_.size());
    open_.reset();
    return undone::token;
  }
  if (events_.empty())
    throw input_error("undo", "nothing was done yet", "a token or an intervention");
  now_ = replay_events(events_.size() - 1);
  const event last = std::move(events_.back());
  events_.pop_back();
  while (!snapshots_.empty() && snapshots_.back().events > events_.size()) snapshots_.pop_back();
  if (std::holds_alternative<intervention>(last)) return undone::intervention;
  if (std::holds_alternative<release_of>(last)) return undone::release;
  reports_.pop_back();
  return undone::token;
}

void experiment::load(run_state state, engine_factory make) {
  if (!make) make = make_;
  replica r;
  r.brain = make_simulator(make);
  r.brain->restore(state);
  now_ = std::move(r);
  make_ = std::move(make);
  base_ = std::move(state);
  events_.clear();
  open_.reset();
  reports_.clear();
  probed_.clear();
  snapshots_.clear();
}

std::size_t experiment::event_of_token(std::uint64_t from_the_end) const {
  std::size_t at = events_.size();
  for (std::uint64_t left = from_the_end - (open_ ? 1 : 0); left > 0; --left) at = token_before(at);
  return at;
}

void experiment::replay(std::uint64_t tokens, const observer& see) const {
  if (tokens == 0) return;
  const std::size_t first = event_of_token(tokens);
  const snapshot* from = snapshot_before(first);
  replica r = begin_at(from);
  const auto rounds = [&](std::size_t count) {
    for (std::size_t done = 0; done < count; ++done) {
      const auto mark = r.brain->advance();
      if (!mark) break;
      if (!see(*r.brain, mark)) return false;
    }
    return true;
  };
  apply(r, from ? from->events : 0, first);
  for (std::size_t i = first; i < events_.size(); ++i) {
    interrupt();
    const auto* token = std::get_if<token_id>(&events_[i]);
    if (!token) {
      apply(r, events_[i]);
      continue;
    }
    r.brain->begin(*token);
    if (!rounds(std::size_t{4} * model_.layers())) return;
    r.brain->finish();
    if (!see(*r.brain, std::nullopt)) return;
  }
  if (!open_) return;
  r.brain->begin(open_->token);
  rounds(open_->rounds);
}

std::unique_ptr<simulator> experiment::before_last_token() const {
  const std::size_t end = event_of_token(1);
  const snapshot* from = snapshot_before(end);
  replica r = begin_at(from);
  apply(r, from ? from->events : 0, end);
  return std::move(r.brain);
}

}  // namespace bdh
