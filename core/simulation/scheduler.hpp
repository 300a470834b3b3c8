// Runs the rounds of a token over sites, in the manner of a distributed system: compute on every
// site, exchange, compute.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "core/base/executor.hpp"
#include "core/simulation/engine.hpp"
#include "core/simulation/exchange.hpp"
#include "core/simulation/round_table.hpp"

namespace bdh {

// A round that is complete on every site.
struct round_mark {
  layer_id layer;  // 0: the token has set W
  int round;
};

// The sites that live in this process: [begin, end).
struct local_sites {
  site_id begin = 0, end = 0;
};

// What somebody looks at between the rounds of a token, and when.
enum class observation {
  none,
  drives,    // X, and the Y or W that it came from: once a layer, wherever a phase happens to end
             // between rounds 3 and 2; marked as round
             // 3
  activity,  // X, Y, W, A after every round
  synapses   // the synapses, too
};

// Somebody who looks on while a token runs to its end: round_done after every round that is looked
// at, on any one of the threads; what it throws ends the token there. Then share(part, parts), for
// every site's part of what round_done left to do, on many threads and before the next round_done.
struct round_observer {
  std::function<void(const round_mark&)> round_done;
  std::function<void(std::size_t part, std::size_t parts)> share;
};

class scheduler {
 public:
  // The three outlive the scheduler. `layers` >= 1.
  scheduler(engine& work, exchange& mail, executor& threads, const round_table& table,
            layer_id layers, local_sites local);

  scheduler(const scheduler&) = delete;
  scheduler& operator=(const scheduler&) = delete;

  // One token through all 4 L rounds and the readout. Returns the bytes sent between sites.
  std::uint64_t token(token_id token);

  // The same in pieces, for those who look between rounds: begin, advance until it returns nothing,
  // finish. finish() runs what is left. When nobody looks, finish() has all to do.
  void begin(token_id token, observation at = observation::synapses);
  std::optional<round_mark> advance();  // runs the next round, and returns which
  std::uint64_t finish(const round_observer* looks = nullptr);

  // The same for several streams at once, each with a scheduler of its own for a sibling engine,
  // and all begun alike: a site does a step for all of them, on the executor of the first. Of no
  // schedulers: nothing.
  static void finish(std::span<scheduler* const> together, const round_observer* looks = nullptr);
  std::uint64_t bytes() const noexcept {
    return bytes_;
  }  // sent between sites since the token began

 private:
  // Steps that a site can do one after the other without hearing from another site.
  struct phase {
    std::vector<step> steps;
    std::optional<round_mark> ends;  // with this phase, a round is complete
  };

  static void run(std::span<scheduler* const> together, std::size_t end,
                  const round_observer* looks = nullptr);  // the phases of *now_ before `end`

  engine& engine_;
  exchange& exchange_;
  executor& executor_;
  local_sites local_;
  std::vector<phase> plans_[4];  // by what is looked at: phases as long as communication allows,
                                 // from observation::activity on cut at the end of every round
  const std::vector<phase>* now_ = nullptr;
  std::size_t next_ = 0;  // phase of *now_
  std::uint64_t bytes_ = 0;
  std::vector<outbox> outboxes_;
  std::vector<inbox> inboxes_;
  std::vector<std::vector<stream_part>> parts_;  // by local site: of the streams that go together
};

}  // namespace bdh
