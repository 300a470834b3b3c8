// Masks that programs keep among their weights. Internal to the importer.
#pragma once

#include <optional>
#include <string_view>

#include "io/checkpoint/tensor_file.hpp"

namespace bdh {

// A name under which trainers keep what a token may read ("attn.mask", "blocks.0.attn.bias",
// "tril"), and a shape that goes with it: as many rows as columns, or a single number.
bool may_be_mask(std::string_view name, const tensor& t);

struct causal_mask {
  bool with_itself = false;  // a token reads itself, too
  bool added = false;        // to scores, before a softmax: 0 and minus infinity
};

// Rows are tokens that read, columns those that are read. Nothing where it is another mask than
// that of all tokens before, written as ones and zeros, truth values of what is left out, or
// numbers that are added to scores. Throws input_error where the tensor cannot be read.
std::optional<causal_mask> causal_mask_of(const tensor_file& file, const tensor& t);

// A name of slopes or rates with which scores decay with distance ("alibi_slopes").
bool is_decay_name(std::string_view name);

}  // namespace bdh
