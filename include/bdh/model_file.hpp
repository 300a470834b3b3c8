// Model files, NAME.bdh.h5: HDF5 behind a checksum header (io/files/checksum_header.hpp), of the
// first file version.
//
//   root attributes      format "bdh-model", format_version 1, creator, source, source_sha256,
//                        layout, inferred (JSON list), not_used (JSON list, where there are any),
//                        dynamics (JSON), training_window (tokens, where known), content_sha256
//   /nodes/NAME          a population: attribute size; neurons, hubs, sensory, readout; of explicit
//                        edges: sources (neurons, then sensory nodes where these are sources too)
//   /nodes/neurons/original_id     u32, neurons; where they were renumbered
//   /nodes/neurons/order           u32, neurons; in which an engine keeps them, where that is not
//                                  by their numbers
//   /nodes/neurons/name            UTF-8 of fixed length, neurons; where they have names
//   /projections/NAME    attributes source_population, target_population, sign, orientation
//     through hubs:      e, sensory, dx, dy, readout; sign 1
//     explicit edges:    gx_excitatory, gy_excitatory (sources -> neurons), gx_inhibitory,
//                        gy_inhibitory (sign -1), gs (neurons -> sources: plasticity rates; dataset
//                        retention f32 beside data, where synapses have their own u), sensory
//                        (sensory -> neurons) and readout (sources -> readout) where they have
//                        edges; pool_e, pool_sensory, pool_readout: the hubs that give the gains of
//                        models imported from BDH-GPU
//       dense:           data f32, 2-D; attribute order: "by_source" or "by_target", what a row is
//       sparse:          indptr u64, indices u32, data f32, of a matrix of targets x sources;
//                        attributes encoding-type (csr_matrix: a row is a target; csc_matrix: a
//                        column is a source), encoding-version, shape, as AnnData and SciPy read
//                        them; kernel_order: the order to bring it into when loading, in our own
//                        files that in which it is stored
//   /rotation/frequency  f64, turns per token of each pair; where the model rotates
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include <bdh/model.hpp>

namespace bdh {

// Writes the whole file or nothing; returns the content hash, which names the model in runs and
// states. Throws input_error when the file exists and `overwrite` is false, device_error when it
// cannot be written.
std::string save_model(const model& m, const std::filesystem::path& file, bool overwrite);

// Files of more bytes than this are mapped instead of read. Smaller ones are read in a moment, and
// gathering rows from memory of our own, in huge pages, is faster than from the pages of a file
// (measured: 18 % less user time of a run at d = 256, n = 32768).
inline constexpr std::uint64_t largest_read_model = std::uint64_t{1} << 29;

// The model, with its content_sha256. Throws input_error, shape_error or unavailable_error, places
// starting with the file name. A file above `largest_read` is mapped: its checksum is not compared,
// and dense weights are not read (content_sha256 is made of the hashes stored with them); all else
// is checked in files of any size, but for the weights of explicit edges of a mapped file where
// `weights` says so: the engine of a process that has a part of the sites reads, checks and keeps
// those into its own targets.
model load_model(const std::filesystem::path& file, std::uint64_t largest_read = largest_read_model,
                 validation weights = validation::check);

// The same of a file that is read through and checked from its first byte to its last: checksum,
// weights and content hash.
model check_model(const std::filesystem::path& file,
                  std::uint64_t largest_read = largest_read_model);

// SHA-256 over all that the dynamics depends on: rules, sizes, numbering, weights and rotation; not
// where the model came from.
std::string content_hash(const model& m);

}  // namespace bdh
