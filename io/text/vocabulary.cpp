#include "io/text/vocabulary.hpp"

#include <utility>

#include <bdh/error.hpp>

namespace bdh {
namespace {

constexpr token_id byt5_offset = 3;  // padding, end of text and unknown come first

class byte_encoder final : public text_encoder {
 public:
  explicit byte_encoder(token_id offset) : offset_(offset) {}
  void add(std::string_view bytes, std::vector<token_id>& to) override {
    for (const char b : bytes) to.push_back(static_cast<unsigned char>(b) + offset_);
  }
  void finish(std::vector<token_id>&) override {}

 private:
  token_id offset_;
};

class byte_vocabulary final : public vocabulary {
 public:
  explicit byte_vocabulary(token_id offset) : offset_(offset) {}

  std::unique_ptr<text_encoder> encoder(std::string) const override {
    return std::make_unique<byte_encoder>(offset_);
  }
  std::unique_ptr<text_decoder> decoder(bool) const override;
  std::string text_of(token_id token) const override {
    if (token < offset_ || token - offset_ > 255) return {};
    return {static_cast<char>(token - offset_)};
  }
  std::uint64_t tokens() const override { return 256; }
  token_id largest_token() const override { return 255 + offset_; }
  bool token_is_byte() const override { return true; }

 private:
  token_id offset_;
};

class byte_decoder final : public text_decoder {
 public:
  explicit byte_decoder(byte_vocabulary of) : of_(of) {}
  std::string add(token_id token) override { return of_.text_of(token); }
  std::string finish() override { return {}; }

 private:
  byte_vocabulary of_;
};

std::unique_ptr<text_decoder> byte_vocabulary::decoder(bool) const {
  return std::make_unique<byte_decoder>(*this);
}

}  // namespace

std::vector<token_id> encoded(const vocabulary& by, std::string_view text,
                              const std::string& place) {
  std::vector<token_id> all;
  const auto encoder = by.encoder(place);
  encoder->add(text, all);
  encoder->finish(all);
  return all;
}

std::unique_ptr<const vocabulary> make_byte_vocabulary(token_id offset) {
  return std::make_unique<byte_vocabulary>(offset);
}

std::unique_ptr<const vocabulary> make_vocabulary(tokenizer kind, std::string_view definition,
                                                  const std::string& place) {
  switch (kind) {
    case tokenizer::bytes:
      return make_byte_vocabulary(0);
    case tokenizer::byt5:
      return make_byte_vocabulary(byt5_offset);
    case tokenizer::characters:
      return make_character_vocabulary(definition, place);
    case tokenizer::tokenizer_json:
      return make_json_vocabulary(definition, place);
    case tokenizer::sentencepiece:
      return make_sentencepiece_vocabulary(definition, place);
    default:
      return nullptr;
  }
}

std::unique_ptr<const vocabulary> make_vocabulary(const model& m) {
  static const std::string none;
  const auto& definition = m.tokenizer_definition();
  const std::string place = "the model's tokenizer";
  auto made = make_vocabulary(m.tokens(), definition ? *definition : none, place);
  if (made != nullptr && made->largest_token() >= m.sensory_nodes())
    throw shape_error(place, "a token " + std::to_string(made->largest_token()),
                      "below " + std::to_string(m.sensory_nodes()) + ", the tokens of the model");
  return made;
}

}  // namespace bdh
