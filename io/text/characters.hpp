// Vocabularies of single characters, as trainers of small models keep them: the data that a model
// file has of them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include <bdh/ids.hpp>

namespace bdh {

// The tokens by id. Most are one character each; names in brackets, <pad> or [UNK], stand for no
// text.
using character_list = std::map<token_id, std::string>;

// Nothing: they are no vocabulary of characters, and `why` says so.
std::optional<std::string> character_definition(const character_list& tokens, std::string& why);

}  // namespace bdh
