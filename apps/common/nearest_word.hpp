// Which of the words that are known a word that is not known may have meant.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bdh::app {

// The nearest by the number of letters that are added, left out, changed or swapped with their
// neighbour (Damerau and Levenshtein; of equal ones the first), or one that `word` begins; nothing,
// where more than a third of the letters differ.
std::optional<std::string> nearest_word(std::string_view word,
                                        const std::vector<std::string>& known);

}  // namespace bdh::app
