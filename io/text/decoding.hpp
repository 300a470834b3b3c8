// How a tokenizer.json makes text of tokens again: "decoder".
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "io/text/settings.hpp"

namespace bdh::text {

class decoding {
 public:
  // A piece is what a token is called; the first of a text, and added tokens, may be special.
  struct piece {
    std::string text;
    bool first = false, added = false;
  };

  decoding() = default;
  // Throws input_error for what is no decoder, unavailable_error for one that needs the whole text
  // or is not computed here.
  decoding(const nlohmann::json& value, const std::string& place);

  // What the piece adds to a text. `last`: it is known that none comes after it.
  std::string text_of(piece p, bool last) const;
  // Whether that depends on what follows.
  bool waits() const noexcept { return !suffix_.empty(); }
  // Of the front of a whole text: up to so many characters of this kind go.
  char32_t stripped() const noexcept { return stripped_; }
  std::size_t most_stripped() const noexcept { return most_stripped_; }

 private:
  using step = std::function<std::string(const piece&)>;
  void add(const nlohmann::json& value, const std::string& place);
  void add_strip(const settings& s);
  void expect_pieces(const settings& s) const;

  bool spaced_ = true;  // no decoder at all: a space between pieces
  std::vector<step> steps_;
  bool fused_ = false;  // what follows sees one text
  std::string suffix_;  // ends a word: a space, but for the last
  char32_t stripped_ = 0;
  std::size_t most_stripped_ = 0;
};

}  // namespace bdh::text
