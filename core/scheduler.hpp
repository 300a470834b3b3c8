// Runs the rounds of a token over sites, in the manner of a distributed system: compute on every site, exchange, compute.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/executor.hpp"
#include "core/engine.hpp"
#include "core/exchange.hpp"
#include "core/round_table.hpp"

namespace bdh {

// Is told when a round of a layer is complete on every site; may read the engine, never write it.
class round_observer {
 public:
  virtual ~round_observer() = default;
  virtual void after_round(layer_id layer, int round) = 0;
};

// The sites that live in this process: [begin, end).
struct local_sites {
  site_id begin = 0, end = 0;
};

class scheduler {
 public:
  // The three outlive the scheduler. `layers` >= 1.
  scheduler(engine& work, exchange& mail, executor& threads, const round_table& table, layer_id layers, local_sites local);

  scheduler(const scheduler&) = delete;
  scheduler& operator=(const scheduler&) = delete;

  // One token through all 4 L rounds and the readout. Returns the bytes sent between sites.
  std::uint64_t token(token_id token, round_observer* observer = nullptr);

 private:
  // Steps that a site can do one after the other without hearing from another site.
  struct phase {
    std::vector<step> steps;
    layer_id ended_layer = 0;  // != 0: with this phase, a round of this layer is complete
    int ended_round = 0;
  };

  engine& engine_;
  exchange& exchange_;
  executor& executor_;
  local_sites local_;
  std::vector<phase> plan_;      // phases as long as communication allows
  std::vector<phase> observed_;  // the same steps, cut at the end of every round
  std::vector<outbox> outboxes_;
  std::vector<inbox> inboxes_;
};

}  // namespace bdh
