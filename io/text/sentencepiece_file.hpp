// What a model file of SentencePiece holds, checked before its library reads it: the library trusts
// the tables of its normalizer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bdh::text {

struct sentencepiece_settings {
  std::uint64_t pieces = 0;
  bool add_dummy_prefix = true, remove_extra_whitespaces = true;
  std::string unknown = " \xe2\x81\x87 ";  // what the unknown token shows as
};

// Throws input_error at `place`.
sentencepiece_settings check_sentencepiece(std::string_view model, const std::string& place);

}  // namespace bdh::text
