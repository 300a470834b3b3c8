#include "apps/runs/prefill.hpp"

#include <algorithm>

#include <bdh/error.hpp>
#include <bdh/simulator.hpp>

#include "io/recording/recording.hpp"

namespace bdh::app {

void prefill_choice::add_to(command_line& command) {
  command
      .add("--prefill", by,
           "read the text token by token, or in blocks of 64 tokens: faster, equal up to rounding: "
           "tokens or blocks [tokens]")
      .type_name("HOW")
      .one_of({"tokens", "blocks"});
}

std::optional<std::string> blocks_refused(const simulator& brain,
                                          std::span<const recording_description> recordings) {
  const auto inside =
      std::find_if(recordings.begin(), recordings.end(),
                   [](const recording_description& d) { return d.what != quantity::logits; });
  if (inside != recordings.end())
    return "a recording of " + inside->request + ", which looks into every token";
  return brain.prefill().refused();
}

void expect_blocks(const prefill_choice& prefill, const simulator& brain,
                   std::span<const recording_description> recordings) {
  if (!prefill.blocks()) return;
  if (const auto why = blocks_refused(brain, recordings))
    throw unavailable_error("--prefill blocks", *why,
                            "circuits through hubs, float32 synapses, the CPU, nothing to look at "
                            "or to change within a block",
                            "--prefill tokens reads the text token by token");
}

std::vector<token_id> take(token_source& input, token_id first, std::uint64_t from,
                           std::uint64_t end) {
  std::vector<token_id> all{first};
  while (from + all.size() < end) {
    const auto token = input.next();
    if (!token) break;
    all.push_back(*token);
  }
  return all;
}

}  // namespace bdh::app
