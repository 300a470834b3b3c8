// Vocabularies that a checkpoint names or carries and that are not read here: its tokens are then
// no bytes, even where there are 256. Internal to the importer.
#pragma once

#include <string>
#include <vector>

#include "io/checkpoint/plain_value.hpp"

namespace bdh {

// Whether a key says of its value that it is a tokenizer, or belongs to one: "tokenizer_model",
// "spm", "vocab".
bool is_about_tokens(const std::string& key);

// "'tokenizer' is 'gpt2' ('config' in the file)": of the values beside the tensors, of a
// config.json and of files of tokenizers in the folder of the file `place`. What says that tokens
// are bytes is none.
std::vector<std::string> unread_vocabularies(const std::vector<beside_value>& values,
                                             const std::string& place);

}  // namespace bdh
