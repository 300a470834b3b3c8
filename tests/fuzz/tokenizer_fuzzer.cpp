// Readers of tokenizers: a tokenizer.json, a list of characters or a model of SentencePiece, by its
// first byte, and a text that has what tokenizers treat in their own ways.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <bdh/error.hpp>

#include "io/text/vocabulary.hpp"

namespace {

bdh::tokenizer kind_of(std::string_view definition) {
  if (definition.starts_with("{\"characters\"")) return bdh::tokenizer::characters;
  return definition.starts_with('{') ? bdh::tokenizer::tokenizer_json
                                     : bdh::tokenizer::sentencepiece;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view definition(reinterpret_cast<const char*>(data), size);
  static constexpr std::string_view text =
      "The  caf\xc3\xa9's 12,345 \xe7\xa5\x9e\xe7\xbb\x8f\t\n<s>e\xcc\x81\x01 aaaaaaaa";
  try {
    const auto by = bdh::make_vocabulary(kind_of(definition), definition, "fuzz");
    const auto decoder = by->decoder(true);
    for (const bdh::token_id id : bdh::encoded(*by, text, "text")) decoder->add(id);
    decoder->finish();
    by->text_of(by->largest_token());
  } catch (const bdh::error&) {
  }
  return 0;
}
