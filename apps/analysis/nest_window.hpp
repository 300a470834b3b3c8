// One window of a run of spikes as a network that NEST can replay.
#pragma once

#include <string>

namespace bdh::app {

// Writes a JSON file: the trains of a window, the weight of each edge in mV, and the potential that
// every target has when it ends. `window`: "y:LAYER@TOKEN", or w. Throws usage_error for another
// text, input_error where the run has not recorded it.
void export_nest_window(const std::string& run, const std::string& window,
                        const std::string& target, bool force);

}  // namespace bdh::app
