// The tensor layouts in which BDH checkpoints exist, and which of them a file has. Internal to the
// importer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <bdh/model.hpp>

#include "io/checkpoint/tensor_file.hpp"

namespace bdh {

struct layout {
  const char* name;
  // Names of the tensors after their prefixes; `readout` is (d, V), or (V, d) where
  // readout_by_token.
  const char *e, *dx, *dy, *embedding, *readout;
  bool readout_by_token, may_be_tied;
  pairing pairs;
  double theta;
  bool causal;
  const char* convention;  // whose rotation is assumed when the file has none
};

// A file's tensors in their roles, with their sizes checked against each other.
struct layout_match {
  const layout* kind = nullptr;
  const tensor *e = nullptr, *dx = nullptr, *dy = nullptr, *embedding = nullptr;
  const tensor* readout = nullptr;  // null: tied to the embedding
  // Frequencies in turns per token, one per neuron of a head; may be null.
  const tensor* table = nullptr;
  const tensor* inverse_frequency = nullptr;  // radians per token, one per pair; may be null
  std::uint64_t heads = 0, hubs = 0, per_head = 0, tokens = 0;
};

// Throws input_error: unknown layout (listing what is there and what would be needed), a tensor
// that belongs to none, sizes that do not fit. The result refers to the file's tensors.
layout_match recognise(const tensor_file& file);

// The name without what wrappers of modules put before it: "_orig_mod.", "module.", "model.",
// "backbone.", in any nesting.
std::string_view without_prefixes(std::string_view name) noexcept;

}  // namespace bdh
