#include <algorithm>
#include <chrono>
#include <utility>

#include <bdh/error.hpp>
#include <bdh/simulator.hpp>

#include "core/simulation/bounds.hpp"
#include "core/simulation/engine.hpp"
#include "core/simulation/prefill_reader.hpp"
#include "core/simulation/token_loop.hpp"

namespace bdh {

std::optional<std::string> prefill::refused() const {
  if (p_.subject.is_direct()) return "explicit edges";
  if (const std::string device = p_.work.device(); device != "cpu") return "the device " + device;
  if (p_.work.rounds_synapses()) return "synapses in bfloat16, which are rounded after every token";
  if (p_.work.learner()) return "weights that learn, which change after every token";
  if (p_.work.spikes()) return "spikes, of which a block would need those of every token";
  if (!loop_.published()) return "a changed round table";
  if (loop_.observed() || p_.sources.following()) return "an observer between rounds";
  if (p_.probes.size() != 0) return "probes";
  if (!p_.interventions.empty()) return "interventions";
  if (p_.work.local().size() != p_.work.sites()) return "sites in other processes";
  return std::nullopt;
}

void prefill::read(std::span<const token_id> tokens,
                   const std::function<void(const step_report&)>& each) {
  p_.position.expect_between_tokens();
  auto why = refused();
  if (!why && p_.work.blocks() == nullptr) why = "an engine that cannot";
  if (why)
    throw unavailable_error("blocks", *why, "circuits through hubs, on the CPU, run undisturbed");
  for (token_id t : tokens) expect_in_vocabulary(p_.subject, t);
  p_.applier.apply(p_.position.tokens);  // the controls of interventions that were removed end here
  while (!tokens.empty()) {
    const std::size_t now =
        std::min<std::size_t>(tokens.size(), block_span - p_.position.tokens % block_span);
    read_blocks(tokens.first(now), each);
    tokens = tokens.subspan(now);
  }
}

void prefill::read_blocks(std::span<const token_id> tokens,
                          const std::function<void(const step_report&)>& each) {
  prefill_reader& blocks = *p_.work.blocks();
  const auto surprisal_of = [&](token_id t) {
    return loop_.surprisals() ? p_.next.surprisal(t) : std::nullopt;
  };
  std::optional<double> surprisal_of_next = surprisal_of(tokens.front());
  const auto start = std::chrono::steady_clock::now();
  const std::uint64_t first = p_.position.tokens;
  p_.position.inconsistent = true;
  if (const auto f = blocks.read(tokens, first, p_.threads))
    throw_fault(p_.subject, first + f->token, f->what);
  p_.position.inconsistent = false;
  p_.position.tokens += tokens.size();
  const struct engine_logits_at_the_end {
    prediction& next;
    ~engine_logits_at_the_end() { next.set_by_engine(); }
  } in_the_end{p_.next};
  if (!each) return;
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    block_counts done = blocks.counts(t);
    p_.next.set(blocks.logits(t));
    const auto surprisal = surprisal_of_next;
    if (t + 1 < tokens.size()) surprisal_of_next = surprisal_of(tokens[t + 1]);
    each({.position = first + t,
          .token = tokens[t],
          .active_x = std::move(done.active_x),
          .active_y = std::move(done.active_y),
          .synaptic_events = done.synaptic_events,
          .hebbian_writes = done.hebbian_writes,
          .bytes_exchanged = 0,
          .surprisal = surprisal,
          .seconds = seconds / static_cast<double>(tokens.size())});
  }
}

}  // namespace bdh
