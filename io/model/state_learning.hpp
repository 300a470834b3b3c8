// The group /learning of a state file: what a run that learns carries beside its synapses.
//
//   attributes        rule, rate, return, plain (0 or 1), circuits (those that change, with commas
//                     between), tokens (that taught), token (the last one read)
//   NAME/             gx, gy, e, readout, embedding, of those that change
//     mean_squares    f32 (rows): running mean of the squares of a row's gradient; -1: none yet
//     weights         f32 (rows, hubs), in checkpoints: as they are now
//   trace             f32: of the last token, what learning needs to know; the engine's affair
#pragma once

#include <bdh/model.hpp>
#include <bdh/state.hpp>

#include "io/files/sha256.hpp"
#include "io/hdf5/file.hpp"

namespace bdh {

void write_learning(hdf5::group to, const learning_state& s, const model& m);
// Throws input_error or shape_error naming what is not as it should be.
learning_state read_learning(const hdf5::group& from, const model& m);
void check_learning(const learning_state& s, const model& m, const std::string& place);
void hash_learning(sha256& sum, const learning_state& s);

}  // namespace bdh
