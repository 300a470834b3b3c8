// The tensor layouts in which BDH checkpoints exist, and which of them a file has. Internal to the
// importer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <bdh/model.hpp>

#include "io/checkpoint/tensor_file.hpp"
#include "io/checkpoint/tensor_names.hpp"

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
  bool readout_by_token = false;    // its axes are (V, d)
  // Frequencies in turns per token, one per neuron of a head; may be null.
  const tensor* table = nullptr;
  const tensor* inverse_frequency = nullptr;  // radians per token, one per pair; may be null
  std::uint64_t heads = 0, hubs = 0, per_head = 0, tokens = 0;
  std::uint64_t layers = 0;  // that have equal tensors of their own; 0: none has
  std::string layers_from;   // "attns.*.freqs"
  std::vector<std::string> not_used;
  std::vector<std::string> remarks;  // on tensors that may say what is computed
  // Bytes of a tokenizer among the weights; may be null.
  const tensor* tokenizer = nullptr;
};

// Throws input_error: unknown layout (listing what is there and what would be needed), a tensor
// that belongs to none, sizes that do not fit, names with several readings; unavailable_error:
// layers with weights of their own. The result refers to the file's tensors.
layout_match recognise(const tensor_file& file);

}  // namespace bdh
