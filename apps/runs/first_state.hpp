// The synapses with which a run begins, where it does not begin with none.
#pragma once

#include <string>

#include <bdh/simulator.hpp>
#include <bdh/state.hpp>
#include <bdh/state_file.hpp>

namespace bdh::app {

struct first_state {
  run_state state;
  std::string file = {};  // where its kept variables are; empty: in `state`

  void restore_to(simulator& brain) const {
    file.empty() ? brain.restore(state) : restore_state(brain, file);
  }
};

}  // namespace bdh::app
