#include "io/text/characters.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include <bdh/error.hpp>

#include "core/base/utf8.hpp"
#include "io/files/json.hpp"
#include "io/text/settings.hpp"
#include "io/text/unicode.hpp"
#include "io/text/vocabulary.hpp"
#include "io/text/word_model.hpp"

namespace bdh {
namespace {

constexpr token_id most_tokens = 1u << 21;  // Unicode has 1.1 million characters
constexpr std::size_t longest_name = 64;    // bytes

bool is_character(const std::string& text) {
  const utf8_character c = decode_utf8(text);
  return c.length != 0 && c.length == text.size();
}

bool is_bracketed(const std::string& text) {
  return text.size() > 2 && text.size() <= longest_name && is_utf8(text) &&
         ((text.front() == '<' && text.back() == '>') ||
          (text.front() == '[' && text.back() == ']'));
}

class character_vocabulary final : public vocabulary {
 public:
  character_vocabulary(const nlohmann::json& all, const std::string& place) {
    const text::settings s(all, place);
    s.expect_only({"characters"});
    token_id id = 0;
    for (const nlohmann::json& one : s.list("characters")) {
      const std::string at = s.at("characters") + "[" + std::to_string(id) + "]";
      if (id == most_tokens)
        throw input_error(at, "more tokens", "at most " + std::to_string(most_tokens));
      if (one.is_null()) {
        ++id;
        continue;
      }
      if (!one.is_string()) throw input_error(at, one.type_name(), "a string, or null");
      const auto& text = one.get_ref<const std::string&>();
      if (!is_character(text) && !is_bracketed(text))
        throw input_error(at, json_text(one).substr(0, longest_name),
                          "one character, or a name in brackets");
      if (!tokens_.add(text, id++)) throw input_error(at, json_text(one) + " again", "it once");
    }
    if (tokens_.size() == 0) throw input_error(place, "no characters", "at least one");
  }

  std::unique_ptr<text_encoder> encoder(std::string place) const override;
  std::unique_ptr<text_decoder> decoder(bool) const override;
  std::string text_of(token_id token) const override {
    const std::string* const found = tokens_.text_of(token);
    return found == nullptr ? "" : *found;
  }
  std::uint64_t tokens() const override { return tokens_.size(); }
  token_id largest_token() const override { return tokens_.largest(); }
  std::optional<token_id> find(std::string_view character) const { return tokens_.find(character); }

 private:
  text::token_table tokens_;
};

class character_encoder final : public text_encoder {
 public:
  character_encoder(const character_vocabulary& by, std::string place)
      : by_(by), place_(std::move(place)) {}

  void add(std::string_view bytes, std::vector<token_id>& to) override {
    held_ += bytes;
    std::size_t at = 0;
    while (at < held_.size()) {
      const std::string_view rest = std::string_view(held_).substr(at);
      const utf8_character c = decode_utf8(rest);
      if (c.incomplete) break;
      if (c.length == 0) refuse("no UTF-8", done_ + at);
      const std::string_view character = rest.substr(0, c.length);
      const auto token = by_.find(character);
      if (!token) refuse(text::shown_character(character), done_ + at);
      to.push_back(*token);
      at += c.length;
    }
    done_ += at;
    held_.erase(0, at);
  }
  void finish(std::vector<token_id>&) override {
    if (!held_.empty()) refuse("the beginning of a character", done_);
  }

 private:
  [[noreturn]] void refuse(const std::string& found, std::uint64_t at) const {
    throw input_error(
        place_ + ", byte " + std::to_string(at), found,
        "one of the " + std::to_string(by_.tokens()) + " characters that the model knows",
        "bdh info MODEL --json lists them");
  }

  const character_vocabulary& by_;
  std::string place_, held_;
  std::uint64_t done_ = 0;  // bytes before held_
};

class character_decoder final : public text_decoder {
 public:
  explicit character_decoder(const character_vocabulary& by) : by_(by) {}
  std::string add(token_id token) override { return by_.text_of(token); }
  std::string finish() override { return {}; }

 private:
  const character_vocabulary& by_;
};

std::unique_ptr<text_encoder> character_vocabulary::encoder(std::string place) const {
  return std::make_unique<character_encoder>(*this, std::move(place));
}
std::unique_ptr<text_decoder> character_vocabulary::decoder(bool) const {
  return std::make_unique<character_decoder>(*this);
}

}  // namespace

std::optional<std::string> character_definition(const character_list& tokens, std::string& why) {
  const auto refuse = [&](std::string reason) {
    why = std::move(reason);
    return std::nullopt;
  };
  if (tokens.empty()) return refuse("it has no entries");
  if (tokens.rbegin()->first >= most_tokens)
    return refuse("the id " + std::to_string(tokens.rbegin()->first) + " is too large");
  std::map<std::string, token_id> ids;
  bool any = false;
  nlohmann::json list = nlohmann::json::array();
  for (const auto& [id, text] : tokens) {
    if (!is_character(text) && !is_bracketed(text))
      return refuse("'" + (is_utf8(text) ? text.substr(0, longest_name) : std::string("...")) +
                    "' is not one character, and how text is split into words is not known");
    any = any || is_character(text);
    const auto [known, is_new] = ids.emplace(text, id);
    if (!is_new)
      return refuse("'" + text + "' has the ids " + std::to_string(known->second) + " and " +
                    std::to_string(id));
    while (list.size() < id) list.push_back(nullptr);
    list.push_back(text);
  }
  if (!any) return refuse("no entry is one character");
  return json_text(nlohmann::json{{"characters", list}});
}

std::unique_ptr<const vocabulary> make_character_vocabulary(std::string_view definition,
                                                            const std::string& place) {
  try {
    return std::make_unique<character_vocabulary>(
        parse_json(definition, {.depth = 4, .unique_keys = true}), place);
  } catch (const json_error& e) {
    throw input_error(place, "no usable JSON (" + std::string(e.what()) + ")",
                      "a list of characters");
  }
}

}  // namespace bdh
