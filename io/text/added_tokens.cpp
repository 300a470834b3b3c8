#include "io/text/added_tokens.hpp"

#include <algorithm>
#include <utility>

#include <bdh/error.hpp>

#include "core/base/utf8.hpp"
#include "io/text/settings.hpp"
#include "io/text/unicode.hpp"

namespace bdh::text {
namespace {

constexpr std::size_t longest_content = 1024;  // bytes
constexpr std::size_t most_added = 1u << 17;

// The character that ends before `end`.
char32_t character_before(std::string_view text, std::size_t end) {
  std::size_t begin = end - 1;
  while (begin > 0 && (text[begin] & 0xc0) == 0x80) --begin;
  return decode_utf8(text.substr(begin)).code;
}

// White space in a text: where a run of it ends. However often that is wanted within one run, it
// is walked once.
class white_space {
 public:
  explicit white_space(std::string_view text) : text_(text) {}
  std::size_t end_from(std::size_t at) {
    if (at >= begin_ && at <= end_) return end_;
    begin_ = end_ = at;
    while (end_ < text_.size()) {
      const utf8_character c = decode_utf8(text_.substr(end_));
      if (!is_white_space(c.code)) break;
      end_ += c.length;
    }
    return end_;
  }
  // Where the run that ends at `at` begins, `least` at the earliest.
  std::size_t begin_before(std::size_t at, std::size_t least) const {
    while (at > least && is_white_space(character_before(text_, at))) do
        --at;
      while (at > least && (text_[at] & 0xc0) == 0x80);
    return at;
  }

 private:
  std::string_view text_;
  std::size_t begin_ = 1, end_ = 0;
};

}  // namespace

bool added_tokens::trie::add(std::string_view text, token_id id) {
  std::uint32_t node = 0;
  for (const char c : text) {
    const std::uint64_t step = std::uint64_t{node} << 8 | static_cast<unsigned char>(c);
    const auto [at, is_new] = next_.emplace(step, nodes_);
    if (is_new) ++nodes_;
    node = at->second;
  }
  return ends_.emplace(node, id).second;
}

std::optional<std::pair<token_id, std::size_t>> added_tokens::trie::longest(
    std::string_view text) const {
  std::optional<std::pair<token_id, std::size_t>> found;
  std::uint32_t node = 0;
  for (std::size_t k = 0; k < text.size(); ++k) {
    const auto next = next_.find(std::uint64_t{node} << 8 | static_cast<unsigned char>(text[k]));
    if (next == next_.end()) break;
    node = next->second;
    if (const auto end = ends_.find(node); end != ends_.end()) found = {end->second, k + 1};
  }
  return found;
}

added_tokens::added_tokens(const nlohmann::json& list, const std::string& place,
                           const token_table& words, const normalizer& change) {
  if (!list.is_array()) throw input_error(place, list.type_name(), "a list");
  if (list.size() > most_added)
    throw input_error(place, std::to_string(list.size()) + " tokens",
                      "at most " + std::to_string(most_added));
  auto next_free = static_cast<token_id>(words.size());
  std::size_t k = 0;
  for (const nlohmann::json& value : list)
    add(value, place + "[" + std::to_string(k++) + "]", words, change, next_free);
}

void added_tokens::add(const nlohmann::json& value, const std::string& place,
                       const token_table& words, const normalizer& change, token_id& next_free) {
  const settings s(value, place);
  s.expect_only({"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
  one added{s.text("content"), s.flag("single_word"), s.flag("lstrip"), s.flag("rstrip")};
  const auto id = static_cast<token_id>(s.count("id", (1u << 24) - 1));
  s.flag("special");
  if (added.text.empty() || added.text.size() > longest_content)
    throw input_error(s.at("content"), std::to_string(added.text.size()) + " bytes",
                      "1 to " + std::to_string(longest_content));
  // The ids that the reference library gives, whatever the file says.
  const auto known = words.find(added.text);
  const token_id expected = known ? *known : next_free;
  const bool taken = all_.contains(id) || (!known && words.text_of(id) != nullptr);
  if (id != expected || taken)
    throw input_error(s.at("id"), std::to_string(id) + " of '" + added.text.substr(0, 64) + "'",
                      known ? std::to_string(expected) + ", its id in the vocabulary, once"
                            : std::to_string(expected) + ", which no other token has");
  if (!known) ++next_free;
  const bool normalized = s.flag("normalized");
  const std::string wanted = normalized ? change(added.text) : added.text;
  if (wanted.empty() || !(normalized ? normalized_ : plain_).add(wanted, id))
    throw input_error(place,
                      wanted.empty() ? "a token of which the normalizer leaves nothing"
                                     : "'" + added.text.substr(0, 64) + "' again",
                      "a text of its own for each added token");
  largest_ = std::max(largest_, id);
  all_.emplace(id, std::move(added));
}

std::vector<text_part> added_tokens::split(std::string_view utf8, bool normalized) const {
  const trie& wanted = normalized ? normalized_ : plain_;
  if (wanted.empty()) return {{utf8, std::nullopt, true}};
  std::vector<text_part> parts;
  white_space blanks(utf8);
  std::size_t done = 0;
  for (std::size_t at = 0; at < utf8.size();) {
    const auto found = wanted.longest(utf8.substr(at));
    if (!found) {
      ++at;
      continue;
    }
    const one& token = all_.at(found->first);
    std::size_t begin = at, end = at + found->second;
    at = end;
    const bool within_word =
        (begin > 0 && is_word_character(character_before(utf8, begin))) ||
        (end < utf8.size() && is_word_character(decode_utf8(utf8.substr(end)).code));
    if (token.single_word && within_word) continue;
    if (token.strip_left) begin = std::max(blanks.begin_before(begin, std::min(done, begin)), done);
    if (token.strip_right) end = blanks.end_from(end);
    if (done < begin) parts.push_back({utf8.substr(done, begin - done), std::nullopt, done == 0});
    parts.push_back(
        {utf8.substr(std::min(begin, end), end - std::min(begin, end)), found->first, false});
    done = end;
  }
  if (done < utf8.size()) parts.push_back({utf8.substr(done), std::nullopt, done == 0});
  return parts;
}

const std::string* added_tokens::text_of(token_id id) const {
  const auto found = all_.find(id);
  return found == all_.end() ? nullptr : &found->second.text;
}

std::vector<token_id> added_tokens::ids() const {
  std::vector<token_id> ids;
  for (const auto& [id, token] : all_) ids.push_back(id);
  return ids;
}

}  // namespace bdh::text
