// The part of the simulator that reads prompts in blocks.
#include <algorithm>
#include <string>

#include "core/base/error.hpp"
#include "core/simulation/simulator.hpp"

namespace bdh {

std::optional<std::string> simulator::blocks_refused() const {
  if (model_.is_direct()) return "explicit edges";
  if (device() != "cpu") return "the device " + device();
  if (rounds_synapses()) return "synapses in bfloat16, which are rounded after every token";
  if (!published_) return "a changed round table";
  if (!observers_.empty() || follows_) return "somebody who looks between rounds";
  if (probes_.size() != 0) return "probes";
  if (!interventions_.empty()) return "interventions";
  return std::nullopt;
}

void simulator::read(std::span<const token_id> tokens,
                     const std::function<void(const step_report&)>& each) {
  check_between_tokens();
  auto why = blocks_refused();
  if (!why && engine_->blocks() == nullptr) why = "an engine that cannot";
  if (why)
    throw unavailable_error("blocks", *why, "circuits through hubs, on the CPU, run undisturbed");
  for (token_id t : tokens) check_vocabulary(t);
  control();  // nothing that has ended acts on
  while (!tokens.empty()) {
    const std::size_t now = std::min<std::size_t>(tokens.size(), block_span - tokens_ % block_span);
    read_blocks(tokens.first(now), each);
    tokens = tokens.subspan(now);
  }
}

void simulator::read_blocks(std::span<const token_id> tokens,
                            const std::function<void(const step_report&)>& each) {
  prefill_reader& blocks = *engine_->blocks();
  std::optional<double> surprisal_of_next = surprisal(tokens.front());
  began_ = std::chrono::steady_clock::now();
  torn_ = true;
  if (const auto f = blocks.read(tokens, tokens_, *executor_))
    throw_fault(tokens_ + f->token, f->what);
  torn_ = restored_ = false;
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  const std::uint64_t first = tokens_;
  tokens_ += tokens.size();
  if (!each) return;
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    block_counts done = blocks.counts(t);
    of_block_ = blocks.logits(t);
    const auto of_this = surprisal_of_next;
    if (t + 1 < tokens.size()) surprisal_of_next = surprisal(tokens[t + 1]);
    try {
      each({first + t, tokens[t], std::move(done.active_x), std::move(done.active_y),
            done.synaptic_events, done.hebbian_writes, 0, of_this,
            seconds / static_cast<double>(tokens.size())});
    } catch (...) {
      of_block_ = {};
      throw;
    }
  }
  of_block_ = {};
}

}  // namespace bdh
