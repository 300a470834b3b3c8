// Runs the rounds of a token over sites, in the manner of a distributed system: compute on every
// site, exchange, compute.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include <bdh/round_table.hpp>

#include "core/base/executor.hpp"
#include "core/simulation/engine.hpp"
#include "core/simulation/exchange.hpp"
#include "core/simulation/plan.hpp"

namespace bdh {

// Observes a token that runs to its end: round_done at every moment of the plan, on any one of the
// threads; what it throws ends the token there. Then share(part, parts), for every site's part of
// what round_done left to do, on many threads and before the next round_done.
struct round_observer {
  std::function<void(const round_mark&)> round_done;
  std::function<void(std::size_t part, std::size_t parts)> share;
};

class scheduler {
 public:
  // The three outlive the scheduler, which runs the engine's local sites. `layers` >= 1.
  scheduler(engine& work, exchange& mail, executor& threads, const round_table& table,
            layer_id layers);

  scheduler(const scheduler&) = delete;
  scheduler& operator=(const scheduler&) = delete;

  // One token, with a pause at every moment that `sees` has: begin, advance until it returns
  // nothing, finish. finish() runs what is left.
  void begin(token_id token, observation sees = observation::synapses);
  std::optional<round_mark> advance();  // runs up to the next moment, and returns it
  void finish(const round_observer* observer = nullptr);

  // The rounds in which the token that has been read learns (make_learning_plan).
  void learn(const token_plan& rounds);

  // The same for several streams at once, each with a scheduler of its own for an engine of its own
  // over the same model, and all begun alike: a site does a step for all of them, on the executor
  // of the first. Of no schedulers: nothing.
  static void finish(std::span<scheduler* const> together,
                     const round_observer* observer = nullptr);
  // Sent between sites since the token began.
  std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  // The phases of *plan_ before `end`.
  static void run(std::span<scheduler* const> together, std::size_t end,
                  const round_observer* observer = nullptr);

  engine& engine_;
  exchange& exchange_;
  executor& executor_;
  site_range local_;
  token_plan plans_[4];  // by observation
  token_id token_ = 0;
  observation sees_ = observation::none;
  const token_plan* plan_ = nullptr;
  std::size_t next_ = 0;  // phase of *plan_
  std::uint64_t bytes_ = 0;
  std::vector<outbox> outboxes_;
  std::vector<inbox> inboxes_;
  std::vector<std::vector<stream_part>> parts_;  // by local site: of the streams that run together
};

}  // namespace bdh
