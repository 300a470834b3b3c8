// Prompts in blocks: what reads many tokens layer by layer instead of one token after the other.
// Same equations, sums in another order: equal to the token path up to rounding, and equal to
// itself to the last bit however the work is divided.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/base/executor.hpp"
#include "core/simulation/engine.hpp"

namespace bdh {

// Tokens of a block. Blocks begin at multiples of it, counted from the first token of the stream.
inline constexpr std::uint64_t block_length = 64;
// Tokens that are given at a time, up to the next multiple of it in the stream: the more the less
// memory traffic, and the same bits wherever between blocks they are cut.
inline constexpr std::uint64_t block_span = 4 * block_length;

// Work done for one token.
struct block_counts {
  std::vector<neuron_id> active_x, active_y;  // layer l at [l - 1]
  std::uint64_t synaptic_events = 0, hebbian_writes = 0;
};

struct block_fault {
  std::uint64_t token;  // of those given
  fault what;
};

class prefill_reader {
 public:
  virtual ~prefill_reader() = default;

  // Reads tokens of the vocabulary, the first of which has `position` in the stream; blocks that
  // their ends cut are short ones. Afterwards the engine is as after the last token. After a fault
  // only clear_synapses() and restore() help.
  virtual std::optional<block_fault> read(std::span<const token_id> tokens, std::uint64_t position,
                                          executor& threads) = 0;

  // Of the tokens of the last call, by their place in it.
  virtual std::span<const float> logits(std::size_t token) const noexcept = 0;
  virtual block_counts counts(std::size_t token) const = 0;
  virtual std::size_t bytes() const noexcept = 0;  // of memory that it occupies
};

}  // namespace bdh
