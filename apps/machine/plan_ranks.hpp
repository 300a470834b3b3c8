// How fast a model would be on several machines that exchange messages, and where more of them stop
// paying.
#pragma once

#include <string>
#include <vector>

#include "apps/machine/plan_model.hpp"

namespace bdh::app {

struct network_speed {
  double rate = 0;          // bytes/s that a machine sends
  double latency = 2e-6;    // s until a message is there
  double message = 0.3e-6;  // s that a machine takes to send one, and to receive one
};

// A token on so many machines, in s: work that is divided among them, work that each does by
// itself, bytes that each sends, and waiting for messages.
struct ranks_time {
  site_id ranks = 1;
  double divided = 0, undivided = 0, sending = 0, waiting = 0;
  double seconds() const { return divided + undivided + sending + waiting; }
  const char* most() const;  // what takes longest
};

ranks_time time_on(const planned_model& p, site_id ranks, const memory_speed& memory,
                   double threads, const engine_speed& taken, const network_speed& network);

// On 1, 2, 4, ... machines, as many as there are blocks of 64 neurons for, at most 1024.
std::vector<ranks_time> times_on_ranks(const planned_model& p, const memory_speed& memory,
                                       double threads, const engine_speed& taken,
                                       const network_speed& network);

// A table, and where the machines stop paying: less than half of their time is work.
std::string ranks_text(const std::vector<ranks_time>& times);

}  // namespace bdh::app
