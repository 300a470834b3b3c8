// How a word becomes tokens: "model" of a tokenizer.json.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <bdh/ids.hpp>

namespace bdh::text {

// Strings as keys that are found by views of strings.
struct string_hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>()(text);
  }
};
template <class T>
using string_map = std::unordered_map<std::string, T, string_hash, std::equal_to<>>;

// The tokens of a vocabulary, by text and by id.
class token_table {
 public:
  token_table() = default;
  token_table(token_table&&) = default;
  token_table& operator=(token_table&&) = default;

  // False where the text or the id is there already.
  bool add(std::string text, token_id id);
  std::optional<token_id> find(std::string_view text) const;
  const std::string* text_of(token_id id) const;  // nullptr: none
  std::size_t size() const noexcept { return ids_.size(); }
  token_id largest() const noexcept { return largest_; }     // 0: none at all
  std::size_t longest() const noexcept { return longest_; }  // bytes
  const string_map<token_id>& all() const noexcept { return ids_; }

 private:
  string_map<token_id> ids_;
  std::unordered_map<token_id, const std::string*> texts_;  // keys of ids_, which stay in place
  token_id largest_ = 0;
  std::size_t longest_ = 0;
};

// A word has a part that no token stands for. what(): the part.
class no_token : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class word_model {
 public:
  virtual ~word_model() = default;
  // Appends the tokens of a word, which is not empty. Throws no_token.
  virtual void encode(std::string_view word, std::vector<token_id>& to) const = 0;
  const token_table& tokens() const noexcept { return tokens_; }

 protected:
  token_table tokens_;
};

// Throws input_error for what is no model, unavailable_error for one that is not computed here.
std::unique_ptr<const word_model> read_word_model(const nlohmann::json& value,
                                                  const std::string& place);

class settings;
// The member "vocab": {text: id}. Throws input_error.
token_table read_vocab(const settings& from);

std::unique_ptr<const word_model> read_byte_pairs(const settings& from);
std::unique_ptr<const word_model> read_word_pieces(const settings& from);

}  // namespace bdh::text
