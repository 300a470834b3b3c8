// What an experiment shows of the spikes of its last token: the windows that it has reached, and
// the bins of one of them. Nothing here changes a bit of what is read later.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <bdh/experiment.hpp>

#include "core/simulation/emitted_spikes.hpp"

namespace bdh {

struct shown_window {
  spike_time when;
  std::uint64_t spikes = 0;
  std::size_t emitting = 0;  // particles with a spike
};

// Of the last token, in the order of their bins; throws unavailable_error at "show spikes" where
// activity travels as it is, input_error where no token has been read.
struct shown_windows {
  std::uint64_t position = 0;  // of the token
  std::uint64_t token_bins = 0;
  std::vector<shown_window> windows;  // those whose spikes have been sent
};
shown_windows show_spikes(const experiment& e);

struct shown_train {
  emitter who;
  float amount;                     // what its spikes stand for
  std::vector<std::uint32_t> bins;  // of the window, from 0 on
};

// One window: which particles emit, those of the named neurons or the `count` with most spikes; of
// equal ones, the first. Of a named neuron that emits nothing, value and bins are empty.
struct shown_bins {
  std::uint64_t position = 0;
  shown_window window;
  bool of_hubs = false;
  float scale = 0;  // what a spike in every bin stands for
  std::vector<shown_train> trains;
};
// The windows of a population in a layer, W twice: in round 3 and in round 1. Empty where it has
// none there, or none that the last token has reached.
std::vector<shown_bins> show_spikes(const experiment& e, spike_source s, layer_id layer,
                                    const std::optional<std::vector<neuron_id>>& neurons,
                                    std::size_t count);

// Lines as `bdh step` shows them, and one JSON object with everything.
std::string as_text(const model& m, const shown_windows& shown);
std::string as_text(const model& m, const shown_bins& shown);
std::string as_json(const model& m, const shown_windows& shown);
std::string as_json(const model& m, const shown_bins& shown);

}  // namespace bdh
