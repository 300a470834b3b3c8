// BPE: the characters of a word, of which neighbours are merged, always the pair that comes first
// in the list of merges.
#include <algorithm>
#include <cstdint>
#include <queue>
#include <utility>

#include <bdh/error.hpp>

#include "io/files/json.hpp"
#include "io/text/settings.hpp"
#include "io/text/unicode.hpp"
#include "io/text/word_model.hpp"

namespace bdh::text {
namespace {

struct merge {
  std::uint32_t rank = 0;
  token_id made = 0;
};

struct pair_hash {
  std::size_t operator()(std::uint64_t pair) const noexcept {
    pair *= 0x9e3779b97f4a7c15u;
    return static_cast<std::size_t>(pair ^ pair >> 32);
  }
};

std::uint64_t pair_of(token_id a, token_id b) noexcept { return std::uint64_t{a} << 32 | b; }

// A doubly linked list in an array; a merged symbol leaves an empty one behind.
struct symbol {
  token_id token = 0;
  std::int32_t before = -1, after = -1;
  bool gone = false;
};

struct candidate {
  std::uint32_t rank = 0;
  std::int32_t at = 0;
  token_id made = 0;
  // Of a queue whose top is the first merge at the first place.
  bool operator<(const candidate& o) const noexcept {
    return std::pair(rank, at) > std::pair(o.rank, o.at);
  }
};

class byte_pairs final : public word_model {
 public:
  explicit byte_pairs(const settings& s) {
    s.expect_only({"dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix",
                   "fuse_unk", "byte_fallback", "ignore_merges", "vocab", "merges"});
    if (const nlohmann::json* dropout = s.find("dropout"); dropout != nullptr && *dropout != 0.0)
      throw unavailable_error(s.at("dropout"), json_text(*dropout).substr(0, 64),
                              "none: with it, a text has other tokens each time",
                              "set it to null in the file");
    tokens_ = read_vocab(s);
    prefix_ = s.text_if_any("continuing_subword_prefix").value_or("");
    suffix_ = s.text_if_any("end_of_word_suffix").value_or("");
    fuse_unknown_ = s.flag_or("fuse_unk", false);
    ignore_merges_ = s.flag_or("ignore_merges", false);
    if (const auto name = s.text_if_any("unk_token")) unknown_ = tokens_.find(*name);
    if (s.flag_or("byte_fallback", false)) read_bytes();
    read_merges(s);
  }

  void encode(std::string_view word, std::vector<token_id>& to) const override {
    if (ignore_merges_)
      if (const auto whole = tokens_.find(word)) return to.push_back(*whole);
    std::vector<symbol> symbols = symbols_of(word);
    merge_all(symbols);
    for (const symbol& s : symbols)
      if (!s.gone) to.push_back(s.token);
  }

 private:
  void read_bytes() {
    static constexpr char digits[] = "0123456789ABCDEF";
    for (std::size_t b = 0; b < 256; ++b)
      bytes_.push_back(tokens_.find({std::string("<0x") + digits[b >> 4] + digits[b & 15] + ">"}));
  }

  void read_merges(const settings& s) {
    const nlohmann::json& all = s.list("merges");
    merges_.reserve(all.size());
    std::uint32_t line = 0, rank = 0;
    for (const nlohmann::json& one : all) {
      const std::string place = s.at("merges") + "[" + std::to_string(line++) + "]";
      const auto [a, b] = pair_in(one, place);
      if (one.is_string() && one.get_ref<const std::string&>().starts_with("#version")) continue;
      const auto left = tokens_.find(a), right = tokens_.find(b);
      const auto made =
          b.size() < prefix_.size() ? std::nullopt : tokens_.find(a + b.substr(prefix_.size()));
      if (!left || !right || !made)
        throw input_error(place, json_text(one).substr(0, 80),
                          "two tokens of the vocabulary whose merger is one");
      merges_.insert_or_assign(pair_of(*left, *right), merge{rank++, *made});
    }
  }

  static std::pair<std::string, std::string> pair_in(const nlohmann::json& one,
                                                     const std::string& place) {
    if (one.is_array() && one.size() == 2 && one[0].is_string() && one[1].is_string())
      return {one[0].get<std::string>(), one[1].get<std::string>()};
    if (one.is_string()) {
      const std::string text = one.get<std::string>();
      const std::size_t space = text.find(' ');
      if (text.starts_with("#version") ||
          (space != text.npos && text.find(' ', space + 1) == text.npos))
        return {text.substr(0, space), space == text.npos ? "" : text.substr(space + 1)};
    }
    throw input_error(place, json_text(one).substr(0, 80), "two tokens, separated by a space");
  }

  // The token of each character; of unknown ones those of its bytes, or the unknown token.
  std::vector<symbol> symbols_of(std::string_view word) const {
    std::vector<symbol> symbols;
    symbols.reserve(word.size());
    const token_id unknown = unknown_.value_or(0);
    bool pending = false;  // the unknown token, until the next one that is known
    for_each_character(word, [&](char32_t, std::string_view character) {
      const bool first = character.data() == word.data(),
                 last = character.data() + character.size() == word.data() + word.size();
      std::string text = first ? std::string() : prefix_;
      text += character;
      if (last) text += suffix_;
      if (const auto known = tokens_.find(text)) {
        if (std::exchange(pending, false)) append(symbols, unknown);
        append(symbols, *known);
      } else if (!append_bytes(text, symbols)) {
        if (!unknown_) throw no_token(std::string(character));
        if (pending && !fuse_unknown_) append(symbols, unknown);
        pending = true;
      }
    });
    if (pending) append(symbols, unknown);
    return symbols;
  }

  static void append(std::vector<symbol>& to, token_id token) {
    const auto at = static_cast<std::int32_t>(to.size());
    if (at != 0) to.back().after = at;
    to.push_back({token, at - 1, -1, false});
  }

  bool append_bytes(const std::string& text, std::vector<symbol>& to) const {
    const auto of = [&](char b) { return bytes_[static_cast<unsigned char>(b)]; };
    if (bytes_.empty() ||
        !std::all_of(text.begin(), text.end(), [&](char b) { return of(b).has_value(); }))
      return false;
    for (const char b : text) append(to, *of(b));
    return true;
  }

  const merge* merge_of(const std::vector<symbol>& symbols, std::int32_t at) const {
    if (at < 0 || symbols[at].after < 0) return nullptr;
    const auto found = merges_.find(pair_of(symbols[at].token, symbols[symbols[at].after].token));
    return found == merges_.end() ? nullptr : &found->second;
  }

  void merge_all(std::vector<symbol>& symbols) const {
    std::priority_queue<candidate> queue;
    const auto consider = [&](std::int32_t at) {
      if (const merge* m = merge_of(symbols, at)) queue.push({m->rank, at, m->made});
    };
    for (std::size_t k = 0; k < symbols.size(); ++k) consider(static_cast<std::int32_t>(k));
    while (!queue.empty()) {
      const candidate next = queue.top();
      queue.pop();
      symbol& left = symbols[next.at];
      const merge* const now = left.gone ? nullptr : merge_of(symbols, next.at);
      if (now == nullptr || now->made != next.made) continue;  // a pair that is no longer there
      symbol& right = symbols[left.after];
      left.token = next.made;
      left.after = right.after;
      right.gone = true;
      if (right.after >= 0) symbols[right.after].before = next.at;
      consider(left.before);
      consider(next.at);
    }
  }

  std::string prefix_, suffix_;
  std::optional<token_id> unknown_;
  bool fuse_unknown_ = false, ignore_merges_ = false;
  std::vector<std::optional<token_id>> bytes_;  // of each byte; empty: no byte_fallback
  std::unordered_map<std::uint64_t, merge, pair_hash> merges_;
};

}  // namespace

std::unique_ptr<const word_model> read_byte_pairs(const settings& from) {
  return std::make_unique<byte_pairs>(from);
}

}  // namespace bdh::text
