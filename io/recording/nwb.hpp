// A recorded run as one file of Neurodata Without Borders (NWB 2.8), as pynwb and MatNWB read it.
// One token is 1 ms.
//
//   /stimulus/presentation/tokens   what was read: text, or the token's number where tokens are no
//                                   text
//   /acquisition/token_ids, active_x, active_y, surprisal_nats
//                                   of every token; shares of the neurons, a column a layer
//   /acquisition/NAME               frames: x_1, synapses_2, logits ...: rows x values
//   /analysis/NAME_columns          whose values they are: neuron; or source and target of each
//                                   synapse
//   /units                          the events of X and Y: a row for each neuron that was ever
//                                   active, by variable and layer: spike_times (s) and values
//
// Lists of the largest (top:K) leave gaps that are no silence, and are left out.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "io/recording/run_reader.hpp"

namespace bdh {

struct nwb_summary {
  std::uint64_t units = 0, events = 0;
  std::vector<std::string> series;    // names of frames
  std::vector<std::string> left_out;  // recordings
};

// Everything or nothing. `after_row`: of a recording; may throw, to stop. Throws input_error for a
// run that cannot be read or a target that exists, device_error when it cannot be written.
nwb_summary export_nwb(const run_reader& run, const std::filesystem::path& target, bool overwrite,
                       const std::function<void()>& after_row);

}  // namespace bdh
