// A saved state as Python holds it: shared with views of its arrays, never changed.
#pragma once

#include <memory>

#include <bdh/state.hpp>

namespace bdh::python {

struct state_handle {
  std::shared_ptr<const run_state> is;
};

}  // namespace bdh::python
