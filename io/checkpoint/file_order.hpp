// How a checkpoint numbers its neurons and lays out its matrices, and as what models keep them.
// Internal to the importer.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include <bdh/array.hpp>
#include <bdh/dynamics.hpp>
#include <bdh/ids.hpp>

namespace bdh {

// The two neurons of rotation pair m of a head of `per_head` neurons, as a file numbers them.
std::pair<std::size_t, std::size_t> members(pairing pairs, std::size_t m,
                                            std::size_t per_head) noexcept;

// (rows, columns) -> (columns, rows)
array<float> transposed(const array<float>& from, std::size_t rows, std::size_t columns);

struct file_order {
  pairing pairs = pairing::interleaved;
  std::size_t heads = 0, per_head = 0, hubs = 0;

  // Where neuron k of a head goes: models keep the two of a pair side by side.
  std::size_t position(std::size_t k) const noexcept;
  std::vector<neuron_id> original_ids() const;  // (heads * per_head)

  // (n, d) as it is, but for the order of the neurons.
  array<float> rows_by_neuron(array<float> from) const;
  // (h, d, N) -> (h * N, d)
  array<float> transposed_by_head(const array<float>& from) const;
};

}  // namespace bdh
