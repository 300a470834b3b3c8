// What a run carries from one token to the next, as plain data: the strength of every synapse and
// the clocks that turn stored values into strengths. Saving and restoring it continues a run bit
// for bit.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <bdh/array.hpp>
#include <bdh/probe.hpp>

namespace bdh {

// The synapses of one layer, in the rotating frame: strength after `clock` decays of row i =
// R^clock u^(clock - last_used[row unit]) stored row i. A row unit is a rotation pair, or a neuron
// where nothing rotates.
struct layer_synapses {
  std::uint64_t clock = 0;         // decays so far: tokens, in the published round table
  array<std::uint64_t> last_used;  // row units: clock at the last write
  array<float> stored;             // by synapse id: neurons x hubs, or the edges of gs
};

struct synapse_state {
  std::string model_sha256;            // of the model that it belongs to
  std::uint64_t tokens = 0;            // read since the synapses were zero
  double retention = 1.0;              // u of the run that wrote it
  bool rounded = false;                // it stores strengths as bfloat16: they all are
  std::vector<layer_synapses> layers;  // layer l at [l - 1]
  std::vector<probe_record> probes;
  std::vector<float> logits;  // after the last token, from which the next one is chosen; empty
                              // before the first, or without readout
};

}  // namespace bdh
