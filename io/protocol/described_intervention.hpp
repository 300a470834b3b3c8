// An intervention as keys and values, of a JSON object or a row of a table, as the text that
// parse_intervention() reads.
#pragma once

#include <filesystem>
#include <map>
#include <string>

namespace bdh {

// Keys: do, on, value, course, mean, deviation, rate, size, seed, stream, layers, tokens, from, at,
// every, for; each value as the text has it, lists with commas. `course`: FILE:COLUMN, a file in
// `folder`. Throws input_error at `place` for another key, and where keys contradict each other.
std::string intervention_text(const std::map<std::string, std::string>& keys,
                              const std::filesystem::path& folder, const std::string& place);

}  // namespace bdh
