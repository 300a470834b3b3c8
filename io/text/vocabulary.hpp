// Text as tokens and tokens as text, for every kind of tokenizer that a model may have.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <bdh/ids.hpp>
#include <bdh/model.hpp>

namespace bdh {

// Takes a text in pieces, however they are cut. A token comes when no later text can change it.
class text_encoder {
 public:
  virtual ~text_encoder() = default;
  // Both append tokens; they throw input_error for what has no token, naming it and its byte.
  virtual void add(std::string_view bytes, std::vector<token_id>& to) = 0;
  virtual void finish(std::vector<token_id>& to) = 0;
};

// The bytes of a text, as tokens come. They are as the tokens have them: a character of UTF-8 may
// lie in several.
class text_decoder {
 public:
  virtual ~text_decoder() = default;
  virtual std::string add(token_id token) = 0;
  virtual std::string finish() = 0;  // what was held back
};

class vocabulary {
 public:
  virtual ~vocabulary() = default;

  // `place`: of the text, in messages.
  virtual std::unique_ptr<text_encoder> encoder(std::string place) const = 0;
  // `begins`: its first token is the first of a text, and not behind one.
  virtual std::unique_ptr<text_decoder> decoder(bool begins) const = 0;
  // What a token adds to a text, where others are before it; empty: nothing.
  virtual std::string text_of(token_id token) const = 0;
  virtual std::uint64_t tokens() const = 0;             // that have a text
  virtual token_id largest_token() const = 0;           // of those
  virtual bool token_is_byte() const { return false; }  // a text has a token for each byte
};

std::vector<token_id> encoded(const vocabulary& by, std::string_view text,
                              const std::string& place);

// Of a tokenizer other than ids. Throws input_error and unavailable_error at `place` for a
// definition that cannot be used.
std::unique_ptr<const vocabulary> make_vocabulary(tokenizer kind, std::string_view definition,
                                                  const std::string& place);

// Of a model; nullptr: its tokens are ids only. Throws shape_error where it has tokens that the
// model does not.
std::unique_ptr<const vocabulary> make_vocabulary(const model& m);

// By kind; `definition` must not outlive the call.
std::unique_ptr<const vocabulary> make_byte_vocabulary(token_id offset);
std::unique_ptr<const vocabulary> make_character_vocabulary(std::string_view definition,
                                                            const std::string& place);
std::unique_ptr<const vocabulary> make_json_vocabulary(std::string_view definition,
                                                       const std::string& place);
std::unique_ptr<const vocabulary> make_sentencepiece_vocabulary(std::string_view definition,
                                                                const std::string& place);

}  // namespace bdh
