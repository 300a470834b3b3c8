// Values to compare a run with: reference files of the released code, or the logits.h5 of another
// run. HDF5 of any version, may be compressed (gzip); at most 10 million tokens and 4 GB in all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include <bdh/array.hpp>
#include <bdh/ids.hpp>

namespace bdh {

// T tokens, vocabulary V, L layers, n neurons, d hubs. What a file lacks is empty, its extents 0.
struct reference_outputs {
  std::vector<token_id> tokens;  // T
  std::uint64_t vocabulary = 0, layers = 0, neurons = 0, hubs = 0;
  array<float> logits;           // T x V: logits[t] after reading tokens[0..t]
  std::vector<token_id> greedy;  // the tokens and their argmax continuation
  array<float> x, y;             // T x L x n
  array<float> v;  // T x (L + 1) x d: the normalised embedding, then the hubs after each layer
  array<std::uint64_t> active_x, active_y;  // T x L: neurons with X > 0, Y > 0
};

// Of a file that is still being recorded, what was committed. Throws input_error or shape_error.
reference_outputs read_reference_outputs(const std::filesystem::path& file);

}  // namespace bdh
