#include "io/text/word_model.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include <bdh/error.hpp>

#include "io/files/json.hpp"
#include "io/text/settings.hpp"
#include "io/text/unicode.hpp"

namespace bdh::text {
namespace {

constexpr std::uint64_t most_tokens = 1u << 24;
constexpr std::size_t longest_token = 65535;  // bytes

class whole_words final : public word_model {
 public:
  explicit whole_words(const settings& s) {
    s.expect_only({"vocab", "unk_token"});
    tokens_ = read_vocab(s);
    unknown_ = tokens_.find(s.text("unk_token"));
  }
  void encode(std::string_view word, std::vector<token_id>& to) const override {
    const auto found = tokens_.find(word);
    if (!found && !unknown_) throw no_token(std::string(word));
    to.push_back(found ? *found : *unknown_);
  }

 private:
  std::optional<token_id> unknown_;
};

// WordPiece: the longest token that a word begins with, then the longest that goes on from there.
class word_pieces final : public word_model {
 public:
  explicit word_pieces(const settings& s) {
    s.expect_only({"vocab", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word"});
    tokens_ = read_vocab(s);
    prefix_ = s.text("continuing_subword_prefix");
    most_characters_ = s.count("max_input_chars_per_word", 1000);
    unknown_ = tokens_.find(s.text("unk_token"));
    for (const auto& [text, id] : tokens_.all()) hashes_.insert(hash_of(text, start));
  }

  void encode(std::string_view word, std::vector<token_id>& to) const override {
    const std::size_t before = to.size();
    bool whole = characters_in(word) <= most_characters_;
    for (std::size_t at = 0; whole && at < word.size();) {
      const auto next = longest_at(word, at);
      if (next) to.push_back(next->first);
      whole = next.has_value();
      if (next) at += next->second;
    }
    if (whole) return;
    to.resize(before);
    if (!unknown_) throw no_token(std::string(word));
    to.push_back(*unknown_);
  }

 private:
  using hash = std::uint64_t;
  static constexpr hash start = 0xcbf29ce484222325u;
  static hash next(hash h, char c) noexcept {
    return (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  }
  static hash hash_of(std::string_view text, hash h) noexcept {
    for (const char c : text) h = next(h, c);
    return h;
  }

  // The token and its bytes of the word. One pass over hashes says where one may end.
  std::optional<std::pair<token_id, std::size_t>> longest_at(std::string_view word,
                                                             std::size_t at) const {
    const std::string_view prefix = at == 0 ? std::string_view() : prefix_;
    hash h = hash_of(prefix, start);
    std::vector<std::size_t> ends;
    const std::size_t most = std::min(word.size() - at, tokens_.longest());
    for (std::size_t k = 0; k < most; ++k) {
      h = next(h, word[at + k]);
      const bool character_ends = at + k + 1 == word.size() || (word[at + k + 1] & 0xc0) != 0x80;
      if (character_ends && hashes_.contains(h)) ends.push_back(k + 1);
    }
    for (; !ends.empty(); ends.pop_back()) {
      std::string text(prefix);
      text += word.substr(at, ends.back());
      if (const auto found = tokens_.find(text)) return std::pair(*found, ends.back());
    }
    return std::nullopt;
  }

  std::string prefix_;
  std::uint64_t most_characters_ = 0;
  std::optional<token_id> unknown_;
  std::unordered_set<hash> hashes_;  // of all tokens
};

}  // namespace

bool token_table::add(std::string text, token_id id) {
  if (texts_.contains(id)) return false;
  const auto [at, is_new] = ids_.emplace(std::move(text), id);
  if (!is_new) return false;
  texts_.emplace(id, &at->first);
  largest_ = std::max(largest_, id);
  longest_ = std::max(longest_, at->first.size());
  return true;
}

std::optional<token_id> token_table::find(std::string_view text) const {
  const auto found = ids_.find(text);
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

const std::string* token_table::text_of(token_id id) const {
  const auto found = texts_.find(id);
  return found == texts_.end() ? nullptr : found->second;
}

token_table read_vocab(const settings& from) {
  const nlohmann::json& all = from.member("vocab");
  const std::string place = from.at("vocab");
  if (!all.is_object()) throw input_error(place, all.type_name(), "an object of ids by text");
  if (all.empty()) throw input_error(place, "no tokens", "at least one");
  token_table tokens;
  for (const auto& [text, id] : all.items()) {
    const std::string at = place + "/" + text.substr(0, 64);
    if (text.size() > longest_token)
      throw input_error(at, "a token of " + std::to_string(text.size()) + " bytes",
                        "at most " + std::to_string(longest_token));
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= most_tokens)
      throw input_error(at, json_text(id).substr(0, 64),
                        "an id, 0 to " + std::to_string(most_tokens - 1));
    if (!tokens.add(text, static_cast<token_id>(id.get<std::uint64_t>())))
      throw input_error(at, "the id " + json_text(id) + " again", "an id for each token alone");
  }
  return tokens;
}

std::unique_ptr<const word_model> read_word_pieces(const settings& from) {
  return std::make_unique<word_pieces>(from);
}

std::unique_ptr<const word_model> read_word_model(const nlohmann::json& value,
                                                  const std::string& place) {
  const settings s(value, place);
  const std::string type = s.text("type");
  if (type == "BPE") return read_byte_pairs(s);
  if (type == "WordPiece") return read_word_pieces(s);
  if (type == "WordLevel") return std::make_unique<whole_words>(s);
  throw unavailable_error(s.place(), "the model " + type.substr(0, 64),
                          "BPE, WordPiece or WordLevel",
                          type == "Unigram" ? "give the tokenizer.model of SentencePiece"
                                            : "import with --tokenizer ids to do without text");
}

}  // namespace bdh::text
