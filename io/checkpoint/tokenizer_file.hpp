// Tokenizers that come with a checkpoint: in it, in files beside it, or in one that the user names.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <bdh/model.hpp>

#include "io/checkpoint/plain_value.hpp"

namespace bdh {

struct found_tokenizer {
  tokenizer kind = tokenizer::ids;
  std::shared_ptr<const std::string> definition;
  std::string from;  // "'stoi' (the file)", "tokenizer.json beside the file"
  std::uint64_t tokens = 0;
  token_id largest = 0;  // of these
  // Of the values that it was made of, and of those that these lie in: as configuration::not_used
  // has them. And what else lies there.
  std::vector<std::string> used;
  std::vector<std::string> not_used;
};

// A tokenizer.json, a tokenizer.model of SentencePiece, a list of characters in JSON or in a pickle
// ("stoi", "itos", "chars", ...); by content. Throws input_error, unavailable_error.
found_tokenizer read_tokenizer_file(const std::filesystem::path& file);

// Of what a checkpoint of this many tokens has beside its tensors; nothing where there is none.
// `unusable`: vocabularies that are no use, and why. Throws input_error for two that differ.
std::optional<found_tokenizer> tokenizer_inside(const std::vector<beside_value>& values,
                                                std::uint64_t tokens, const std::string& place,
                                                std::vector<std::string>& unusable);

// Of the bytes of a SentencePiece model, or the text of a tokenizer.json, that it has there under
// the name of a tokenizer. `unusable`: as above. Throws input_error for two that differ.
std::optional<found_tokenizer> tokenizer_kept(const std::vector<beside_value>& values,
                                              const std::string& place,
                                              std::vector<std::string>& unusable);

// Of the usual files in the folder of a checkpoint; nothing where there is none. `unusable`: as
// above.
std::optional<found_tokenizer> tokenizer_beside(const std::filesystem::path& checkpoint,
                                                std::vector<std::string>& unusable);

}  // namespace bdh
