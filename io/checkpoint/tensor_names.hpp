// Names of tensors without what programs put before them, and without the numbers of layers.
// Internal to the importer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/checkpoint/tensor_file.hpp"

namespace bdh {

// The name without what wrappers of modules put before it: "_orig_mod.", "module.", "model.",
// "backbone.", in any nesting.
std::string_view without_prefixes(std::string_view name) noexcept;

struct tensor_names {
  // Each name once; of equal tensors of all layers the first.
  std::vector<std::pair<std::string, const tensor*>> tensors;
  std::uint64_t layers = 0;           // how many have equal tensors of their own; 0: none has
  std::string layers_from;            // "attns.*.freqs"
  std::vector<std::string> not_used;  // counters
};

// Without the prefix that all share, whatever it is, and the usual ones; equal tensors of several
// layers are one. Throws input_error for two of a name; unavailable_error where layers differ.
tensor_names names_of(const tensor_file& file);

}  // namespace bdh
