// Reads the tokens of a prompt in blocks: faster than one by one, and equal to it up to rounding.
// The bits are the same however the work is divided.
//
//     if (!brain.prefill().refused()) brain.prefill().read(tokens);
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include <bdh/ids.hpp>
#include <bdh/step_report.hpp>

#include "core/simulation/prefill_reader.hpp"

namespace bdh {

class token_loop;
struct token_loop_parts;  // core/simulation/token_loop.hpp

class prefill {
 public:
  // All outlive it.
  prefill(const token_loop_parts& parts, const token_loop& loop) noexcept
      : p_(parts), loop_(loop) {}

  // Blocks begin at multiples of block_length tokens of the stream; where `tokens` end, a block
  // ends. `each` is called for every token, in order, when up to block_span of them have been read;
  // the simulator's logits are then those of its token. Throws unavailable_error as refused() says,
  // else as simulator::step().
  void read(std::span<const token_id> tokens,
            const std::function<void(const step_report&)>& each = {});
  // Why tokens can't be read in blocks now; nothing: they can.
  std::optional<std::string> refused() const;

 private:
  void read_blocks(std::span<const token_id> tokens,
                   const std::function<void(const step_report&)>& each);

  const token_loop_parts& p_;
  const token_loop& loop_;
};

}  // namespace bdh
