#include "core/simulation/token_loop.hpp"

#include <algorithm>
#include <iterator>
#include <typeinfo>
#include <utility>

#include <bdh/error.hpp>

#include "core/simulation/bounds.hpp"

namespace bdh {

token_loop::token_loop(const token_loop_parts& parts, const round_table& table, bool surprisals)
    : p_(parts),
      table_(table),
      published_(table.is_published()),
      surprisals_(surprisals),
      scheduler_(parts.work, parts.mail, parts.threads, table, parts.subject.layers()) {}

int token_loop::observe(observer call, observation sees) {
  observers_.emplace(next_id_, observing{std::move(call), std::max(sees, observation::activity)});
  return next_id_++;
}

observation token_loop::sees() const noexcept {
  observation most = observation::none;
  if (tracks())
    most = published_ && p_.interventions.empty() ? observation::drives : observation::activity;
  for (const auto& [number, o] : observers_) most = std::max(most, o.sees);
  return most;
}

bool token_loop::can_run_with(const token_loop& other) const {
  const engine &a = p_.work, &b = other.p_.work;
  if (a.learner() || b.learner()) return &a == &b;  // weights of its own
  return &p_.subject == &other.p_.subject && typeid(a) == typeid(b) && a.device() == b.device() &&
         a.sites() == b.sites() && table_.rounds == other.table_.rounds;
}

void token_loop::begin(token_id token, observation sees) {
  p_.position.expect_between_tokens();
  expect_in_vocabulary(p_.subject, token);
  p_.applier.apply(p_.position.tokens);
  surprisal_ = surprisals_ ? p_.next.surprisal(token) : std::nullopt;
  step_start_ = std::chrono::steady_clock::now();
  p_.position.inconsistent = p_.position.in_token = true;
  token_ = token;
  sees_ = sees;
  p_.probes.sort();
  scheduler_.begin(token, sees);
}

std::optional<round_mark> token_loop::advance() {
  if (!p_.position.in_token)
    throw input_error("simulator", "no token is being read", "begin() before advance()");
  while (const auto done = scheduler_.advance()) {
    reached(*done, false);
    if (done->at != moment::token_entered) return done;
  }
  return std::nullopt;
}

step_report token_loop::finish() {
  if (!p_.position.in_token)
    throw input_error("simulator", "no token is being read", "begin() before finish()");
  const round_observer follows{
      [this](const round_mark& done) { reached(done, true); },
      [this](std::size_t part, std::size_t parts) { write_probes(part, parts); }};
  scheduler_.finish(&follows);
  return end();
}

void token_loop::run_together(std::span<stream> streams) {
  std::vector<scheduler*> together;
  for (const stream& s : streams) together.push_back(&s.loop->scheduler_);
  const round_observer follows{[&](const round_mark& done) {
                                 for (stream& s : streams) {
                                   if (s.failed) continue;
                                   try {
                                     s.loop->reached(done, true);
                                   } catch (...) {
                                     s.failed = std::current_exception();
                                   }
                                 }
                               },
                               [&](std::size_t part, std::size_t parts) {
                                 for (const stream& s : streams)
                                   if (!s.failed) s.loop->write_probes(part, parts);
                               }};
  scheduler::finish(together, &follows);
}

step_report token_loop::end() {
  p_.position.in_token = false;  // whatever comes: this token has no more rounds
  step_report all = report();    // first: with it the ranks of a run end the token
  if (sees_ == observation::drives && tracks()) track_w(false);
  all.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - step_start_).count();
  ++p_.position.tokens;
  p_.next.set_by_engine();
  p_.position.inconsistent = false;
  return all;
}

// What ranks agree on at the end of a token is for all streams that began together.
void token_loop::give_up() {
  try {
    report();
  } catch (const input_error&) {  // another reason to fail
  }
}

// `shared`: the threads will write the probes together, unless an observer is to see them first.
void token_loop::reached(const round_mark& done, bool shared) {
  track(done);
  if (!shared || observed()) {
    write_probes(0, 1);
    pending_probe_layer_ = 0;
  }
  if (done.at == moment::token_entered) return;
  try {
    for (const auto& [number, o] : observers_) o.call(done.layer, done.at);
  } catch (...) {
    p_.position.in_token = false;  // and inconsistent
    throw;
  }
}

// W of every source, and the probes, which X and W write to.
void token_loop::track(const round_mark& done) {
  pending_probe_layer_ = 0;
  if (!tracks()) return;
  if (sees_ == observation::drives) {
    track_w(done.layer == 1);  // of the layer before: its Y still is there
    track_x(done.layer);
  } else if (done.at == moment::token_entered || done.at == moment::y_ready) {
    track_w(done.at == moment::token_entered);
  } else if (done.at == moment::synapses_written) {
    track_x(done.layer);
  }
}

void token_loop::track_w(bool of_token) {
  if (of_token)
    p_.sources.token_entered(token_);
  else
    p_.sources.layer_ended();
  p_.applier.carry(p_.sources.w());
}

void token_loop::track_x(layer_id layer) {
  if (p_.probes.size() == 0) return;
  x_.resize(p_.subject.neurons());
  p_.work.read_sent(variable::x, x_);
  if (p_.probes.reads_y(layer)) {
    y_.resize(p_.subject.neurons());
    p_.work.read_sent(variable::y, y_);
  }
  pending_probe_layer_ = layer;
}

void token_loop::write_probes(std::size_t part, std::size_t parts) noexcept {
  if (pending_probe_layer_ == 0) return;
  p_.probes.write(
      pending_probe_layer_,
      {.x = x_, .w = p_.sources.w(), .y = y_, .frozen = p_.applier.frozen(pending_probe_layer_)},
      part, parts);
}

step_report token_loop::report() {
  const std::size_t layers = p_.subject.layers();
  const std::size_t of_spikes = spike_numbers(p_.work, layers);
  std::vector<std::uint64_t> counts(2 * layers + 3 + of_spikes);
  const std::span<std::uint64_t> spike_part = std::span(counts).last(of_spikes);
  std::optional<fault> first = add_counts(p_.work, layers, counts);
  counts[2 * layers + 2] = scheduler_.bytes();
  add_spike_counts(p_.work, layers, spike_part);
  p_.totals.reduce(counts, first);
  if (first) throw_fault(p_.subject, p_.position.tokens, *first);
  std::optional<spike_counts> spikes;
  if (of_spikes != 0) spikes = spike_counts_of(layers, spike_part);
  const auto of_layers = [&](std::size_t begin) {
    const auto at = counts.begin() + static_cast<std::ptrdiff_t>(begin);
    std::vector<neuron_id> all;
    std::transform(at, at + static_cast<std::ptrdiff_t>(layers), std::back_inserter(all),
                   [](std::uint64_t n) { return static_cast<neuron_id>(n); });
    return all;
  };
  return {.position = p_.position.tokens,
          .token = token_,
          .active_x = of_layers(0),
          .active_y = of_layers(layers),
          .synaptic_events = counts[2 * layers],
          .hebbian_writes = counts[2 * layers + 1],
          .bytes_exchanged = counts[2 * layers + 2],
          .surprisal = surprisal_,
          .seconds = 0,
          .spikes = std::move(spikes)};
}

}  // namespace bdh
