#include "gpu/engine/deferred_token.hpp"

#include <algorithm>
#include <atomic>

namespace bdh::gpu {
namespace {

std::uint64_t next_number() {
  static std::atomic<std::uint64_t> numbers = 0;
  return numbers++;
}

}  // namespace

deferred_token::deferred_token(device& on, device_site& site)
    : device_(on), site_(site), number_(next_number()) {
  steps_.reserve(std::size_t{16} * site.layers() + 16);
}

deferred_token::~deferred_token() { leave_group(); }

// The other streams of the group must not wait for this one any more.
void deferred_token::leave_group() {
  if (group_) std::erase(group_->members, this);
  group_.reset();
}

void deferred_token::begin() {
  steps_.clear();
  done_ = 0;
  begun_ = fetched_ = ended_ = false;
  leave_group();
}

// Interventions may change between the rounds of a token: what they act on is not deferred.
void deferred_token::add(action what, layer_id layer) {
  steps_.emplace_back(what, layer);
  fetched_ = ended_ = false;
  if (site_.controlled()) flush();
}

void deferred_token::abandon() {
  errors = {};
  steps_.clear();
  done_ = 0;
  fetched_ = true;
}

void deferred_token::group(const std::vector<deferred_token*>& members) {
  const auto all = std::make_shared<stream_group>(stream_group{members});
  for (deferred_token* m : members) m->group_ = all;
}

void deferred_token::run(std::size_t first, std::size_t last) {
  if (!begun_) site_.begin_token();
  begun_ = true;
  for (std::size_t i = first; i < last; ++i) site_.perform(steps_[i].first, steps_[i].second);
}

void deferred_token::flush() {
  const std::size_t first = done_;
  if (first == steps_.size()) return;
  done_ = steps_.size();
  run(first, done_);
}

void deferred_token::fetch() {
  if (fetched_) return;
  if (group_ && is_deferred()) run_group();
  if (is_deferred())
    replay();
  else if (!ended_)
    finish();
  site_.fetch();
  fetched_ = true;
}

void deferred_token::finish() {
  flush();
  site_.end_token();
}

// Whether all of a token is still to do, and nothing keeps it from being recorded.
bool deferred_token::is_deferred() const {
  return !errors.failed() && done_ == 0 && !steps_.empty() && !site_.controlled();
}

void deferred_token::replay() {
  const recorded now{steps_, site_.clock_differences()};
  const bool known = recording_ && now == recorded_;
  if (!known) recording_.reset();
  site_.launching(!known);
  if (!known) device_.begin_recording();
  try {
    run(0, steps_.size());
    site_.end_token();
    if (!known) recording_ = device_.end_recording();
  } catch (...) {
    if (!known) device_.abandon_recording();
    site_.launching(true);
    throw;
  }
  site_.launching(true);
  recorded_ = {steps_, site_.clock_differences()};
  done_ = steps_.size();
  device_.replay(*recording_);
}

// ---- several streams

void deferred_token::end_host_side() {
  const struct launches_again {
    device_site& site;
    ~launches_again() {
      site.launching(true);
      site.gather(nullptr);
    }
  } in_the_end{site_};
  run(0, steps_.size());
  site_.end_token();
  done_ = steps_.size();
  ended_ = true;
}

void deferred_token::replay_host_side() {
  site_.launching(false);
  end_host_side();
}

void deferred_token::gather_launches(operations& into) {
  site_.launching(true);
  site_.gather(&into);
  end_host_side();
}

// The streams of the group that wait for the same steps; afterwards each of them has its results to
// fetch.
void deferred_token::run_group() {
  std::vector<deferred_token*> waiting;
  for (deferred_token* m : group_->members)
    if (m->is_deferred() && m->steps_ == steps_) waiting.push_back(m);
  if (waiting.size() < 2) return;
  try {
    run_together(waiting);
  } catch (...) {  // how far each stream got is not known
    for (deferred_token* m : waiting) m->errors.set(std::current_exception());
    throw;
  }
}

deferred_token::recorded deferred_token::key_of(const std::vector<deferred_token*>& waiting) const {
  recorded key{steps_, {}};
  for (const deferred_token* m : waiting) {
    key.key.push_back(m->number_);
    for (std::uint64_t c : m->site_.clock_differences()) key.key.push_back(c);
  }
  return key;
}

void deferred_token::run_together(const std::vector<deferred_token*>& waiting) {
  recorded now = key_of(waiting);
  if (batch_ && now == batch_key_) {
    for (deferred_token* m : waiting) m->replay_host_side();
    batch_->replay();
    return;
  }
  batch_.reset();
  std::vector<operations> gathered(waiting.size());
  for (std::size_t k = 0; k < waiting.size(); ++k) waiting[k]->gather_launches(gathered[k]);
  if (!std::all_of(gathered.begin(), gathered.end(),
                   [&](const auto& of) { return alike(gathered[0], of); })) {
    for (const operations& of : gathered) play(device_, of);  // their layers' clocks differ
    return;
  }
  batch_ = std::make_unique<batched_graph>(device_, gathered);
  batch_key_ = std::move(now);
  batch_->replay();
}

}  // namespace bdh::gpu
