// --prefill: whether a text is read token by token or in blocks (bdh/simulator.hpp).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include <bdh/ids.hpp>

#include "apps/common/options.hpp"
#include "apps/common/token_source.hpp"

namespace bdh {
struct recording_description;
}

namespace bdh::app {

struct prefill_choice {
  std::string by = "tokens";

  void add_to(command_line& command);
  bool blocks() const { return by == "blocks"; }
};

// Why this run cannot read its text in blocks; nothing: it can. `recordings`: what it records.
std::optional<std::string> blocks_refused(const simulator& brain,
                                          std::span<const recording_description> recordings);
// Throws unavailable_error where --prefill blocks is given and they are refused.
void expect_blocks(const prefill_choice& prefill, const simulator& brain,
                   std::span<const recording_description> recordings);

// `first` and what follows it in the input, up to the position `end` of the stream, where `first`
// has the position `from`. Less: the input has ended, or a stop was requested.
std::vector<token_id> take(token_source& input, token_id first, std::uint64_t from,
                           std::uint64_t end);

}  // namespace bdh::app
