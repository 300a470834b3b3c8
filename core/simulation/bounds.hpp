// Checks of what users give, shared by the parts of a simulator. They throw input_error or
// unavailable_error.
#pragma once

#include <bdh/model.hpp>

#include "core/simulation/engine.hpp"

namespace bdh {

void expect_in_model(const model& m, layer_id layer, neuron_id neuron);
void expect_in_vocabulary(const model& m, token_id token);
// What reads or changes single neurons needs them all: `place` is what is refused otherwise.
void expect_all_sites_local(const char* place, const engine& work);

// The first value that was not finite ends the token that it was found in.
[[noreturn]] void throw_fault(const model& m, std::uint64_t token, const fault& f);

}  // namespace bdh
