// State files: the synapses of a run, so that it goes on bit for bit. Sealed HDF5
// (io/files/checksum_header.hpp). Members that this version does not have are refused by name.
//
//   root attributes   format "bdh-state", format_version 2, model_sha256 (of the model), tokens,
//                     retention, content_sha256; synapses = "bf16" where the run stores strengths
//                     so: here they are float32, with values that are bfloat16
//   /layers/L/NAME    variable NAME of layer L = 1, 2, ...; one for every kept variable that each
//                     layer has (bdh/state.hpp); attribute `of`: what has a value
//       clock         u64 (1)
//       last_used     u64 (row units): rotation pairs, or neurons where nothing rotates
//       synapses      f32 (neurons x hubs); of explicit edges: by the edge ids of gs in memory
//   /network/NAME     the same of kept variables that no layer has, where there are any
//   /logits           f32 (V), where there is a readout: after the last token
//   /learning         of a run that learns: the running means of the rows of its weights, in
//                     checkpoints the weights, too (io/model/state_learning.hpp)
//   /probes           where there are any, a row each: pre, post, layer, factor_y (0: W, 1: Y of
//                     the layer before) u32; since u64; strength, partner f64: of i -> j and of i's
//                     rotation partner -> j, laboratory frame
//
// Version 1, which is read too: `synapses` is called `stored`, and `clock` is an attribute of
// /layers/L.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <bdh/model.hpp>
#include <bdh/state.hpp>

namespace bdh {

class simulator;

// Writes the whole file or nothing, reads it back before it takes the name of an older one. Throws
// shape_error when the state does not fit the model, input_error when it has values that are not
// finite or the target cannot be used, device_error.
void save_state(const run_state& state, const model& m, const std::filesystem::path& file);

// The same of a simulator, without a copy of its synapses: in parts of 16 MiB.
void save_state(const simulator& brain, const std::filesystem::path& file);

// The same of a simulator that learns, as a state of the model that it has made
// (simulator::learned_model(), read back from its file): how it learned is in it, weights are not.
void save_state(const simulator& brain, const model& learned, const std::filesystem::path& file);

// Refuses a name under which something else than a state lies: only states are replaced. Throws
// input_error.
void check_state_target(const std::filesystem::path& file);

// What a state file says of itself, without its values. Throws input_error.
struct state_summary {
  std::string model_sha256, content_sha256;
  std::uint64_t tokens = 0;
  double retention = 1;
  struct layer {
    std::uint64_t clock;
    std::vector<std::uint64_t> shape;  // of the synapses
  };
  std::vector<layer> layers;
};
state_summary summarise_state(const std::filesystem::path& file);

// Throws input_error or shape_error, places starting with the file name; also when the state
// belongs to another model.
run_state load_state(const std::filesystem::path& file, const model& m);
// The same without the kept variables, which are read and checked all the same.
run_state load_state_head(const std::filesystem::path& file, const model& m);
// Gives a simulator the state of a file of its model, in parts of 16 MiB: all of it is checked
// before the first is taken. Throws as load_state() and simulator::restore().
void restore_state(simulator& brain, const std::filesystem::path& file);

}  // namespace bdh
