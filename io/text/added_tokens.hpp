// The tokens that a tokenizer.json lists as "added_tokens": each is found in a text as it is
// written, before anything is split.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <bdh/ids.hpp>

#include "io/text/normalizer.hpp"
#include "io/text/word_model.hpp"

namespace bdh::text {

// A part of a text: a token, or text that is still to be split.
struct text_part {
  std::string_view utf8;
  std::optional<token_id> token;
  bool begins_text = false;
};

class added_tokens {
 public:
  added_tokens() = default;
  // `words`: the tokens of the model, which these may name or go on from. Throws input_error,
  // unavailable_error.
  added_tokens(const nlohmann::json& list, const std::string& place, const token_table& words,
               const normalizer& change);

  // Splits at those that are looked for in the text as it is, or, `normalized`, in what a
  // normalizer made of it.
  std::vector<text_part> split(std::string_view utf8, bool normalized) const;
  const std::string* text_of(token_id id) const;  // nullptr: none
  token_id largest() const noexcept { return largest_; }
  std::size_t size() const noexcept { return all_.size(); }
  std::vector<token_id> ids() const;

 private:
  struct one {
    std::string text;
    bool single_word = false, strip_left = false, strip_right = false;
  };
  // Strings, byte by byte: the longest that is at a place is found in one walk.
  class trie {
   public:
    bool add(std::string_view text, token_id id);  // false: it is there already
    // The longest at the front, and its bytes.
    std::optional<std::pair<token_id, std::size_t>> longest(std::string_view text) const;
    bool empty() const noexcept { return nodes_ == 1; }

   private:
    std::unordered_map<std::uint64_t, std::uint32_t> next_;  // node and byte -> node
    std::unordered_map<std::uint32_t, token_id> ends_;
    std::uint32_t nodes_ = 1;
  };

  void add(const nlohmann::json& value, const std::string& place, const token_table& words,
           const normalizer& change, token_id& next_free);

  std::unordered_map<token_id, one> all_;
  trie plain_, normalized_;
  token_id largest_ = 0;
};

}  // namespace bdh::text
