// Vocabularies of Hugging Face's tokenizers, as their tokenizer.json describes them.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include <bdh/error.hpp>

#include "core/base/utf8.hpp"
#include "io/files/json.hpp"
#include "io/text/added_tokens.hpp"
#include "io/text/decoding.hpp"
#include "io/text/normalizer.hpp"
#include "io/text/pre_tokenizer.hpp"
#include "io/text/settings.hpp"
#include "io/text/unicode.hpp"
#include "io/text/vocabulary.hpp"
#include "io/text/word_model.hpp"

namespace bdh {
namespace {

constexpr std::size_t longest_text = std::size_t{1} << 28;  // bytes, encoded as one

class json_vocabulary final : public vocabulary {
 public:
  json_vocabulary(const nlohmann::json& all, const std::string& place) {
    static const nlohmann::json none;
    const text::settings s(all, place);
    const auto part = [&](const char* key) -> const nlohmann::json& {
      const nlohmann::json* const found = s.find(key);
      return found == nullptr ? none : *found;
    };
    if (const auto version = s.text_if_any("version"); version && *version != "1.0")
      throw unavailable_error(s.at("version"), "'" + version->substr(0, 64) + "'", "'1.0'");
    normalizer_ = text::normalizer(part("normalizer"), s.at("normalizer"));
    pre_tokenizer_ = text::pre_tokenizer(part("pre_tokenizer"), s.at("pre_tokenizer"),
                                         normalizer_.keeps_places());
    model_ = text::read_word_model(s.member("model"), s.at("model"));
    if (s.find("added_tokens") != nullptr)
      added_ = text::added_tokens(part("added_tokens"), s.at("added_tokens"), model_->tokens(),
                                  normalizer_);
    decoding_ = text::decoding(part("decoder"), s.at("decoder"));
  }

  std::unique_ptr<text_encoder> encoder(std::string place) const override;
  std::unique_ptr<text_decoder> decoder(bool begins) const override;

  std::string text_of(token_id token) const override { return text_of(token, false, false); }
  std::string text_of(token_id token, bool first, bool last) const {
    if (const std::string* const name = added_.text_of(token))
      return decoding_.text_of({*name, first, true}, last);
    const std::string* const name = model_->tokens().text_of(token);
    return name == nullptr ? "" : decoding_.text_of({*name, first, false}, last);
  }
  std::uint64_t tokens() const override {
    std::uint64_t count = model_->tokens().size();
    for (const token_id id : added_.ids()) count += model_->tokens().text_of(id) == nullptr;
    return count;
  }
  token_id largest_token() const override {
    return std::max(model_->tokens().largest(), added_.largest());
  }

  const text::decoding& decoding() const noexcept { return decoding_; }

  // The words of a text, and the tokens that stand in it as they are.
  struct unit {
    std::string word;
    std::optional<token_id> token;
  };
  std::vector<unit> units_of(std::string_view text) const {
    std::vector<unit> units;
    for (const text::text_part& outer : added_.split(text, false)) {
      if (outer.token) {
        units.push_back({{}, outer.token});
        continue;
      }
      const std::string changed = normalizer_(std::string(outer.utf8));
      for (const text::text_part& inner : added_.split(changed, true)) {
        if (inner.token) units.push_back({{}, inner.token});
        if (inner.token || inner.utf8.empty()) continue;
        std::vector<text::word> words{
            {std::string(inner.utf8), outer.begins_text && inner.begins_text}};
        for (text::word& one : pre_tokenizer_(std::move(words)))
          units.push_back({std::move(one.utf8), std::nullopt});
      }
    }
    return units;
  }
  const text::word_model& words() const noexcept { return *model_; }

 private:
  text::normalizer normalizer_;
  text::pre_tokenizer pre_tokenizer_;
  std::unique_ptr<const text::word_model> model_;
  text::added_tokens added_;
  text::decoding decoding_;
};

// Waits for the whole text: what follows may change any token.
class json_encoder final : public text_encoder {
 public:
  json_encoder(const json_vocabulary& by, std::string place) : by_(by), place_(std::move(place)) {}

  void add(std::string_view bytes, std::vector<token_id>&) override {
    if (bytes.size() > longest_text - text_.size())
      throw input_error(place_, "a text of more than " + std::to_string(longest_text) + " bytes",
                        "less, since its tokens are found in the whole of it");
    text_ += bytes;
  }

  void finish(std::vector<token_id>& to) override {
    expect_utf8();
    for (const json_vocabulary::unit& u : by_.units_of(text_)) {
      if (u.token)
        to.push_back(*u.token);
      else if (!u.word.empty())
        add_word(u.word, to);
    }
    text_.clear();
  }

 private:
  void expect_utf8() const {
    for (std::size_t at = 0; at < text_.size();) {
      const std::size_t length = decode_utf8(std::string_view(text_).substr(at)).length;
      if (length == 0)
        throw input_error(place_ + ", byte " + std::to_string(at), "no UTF-8",
                          "a text of characters, which the tokenizer takes");
      at += length;
    }
  }

  void add_word(const std::string& word, std::vector<token_id>& to) {
    constexpr std::size_t longest = 256, most = 1u << 16;
    if (const auto known = known_.find(word); known != known_.end()) {
      to.insert(to.end(), known->second.begin(), known->second.end());
      return;
    }
    const std::size_t before = to.size();
    try {
      by_.words().encode(word, to);
    } catch (const text::no_token& e) {
      throw input_error(place_, "'" + std::string(e.what()).substr(0, 64) + "'",
                        "text that the model's tokenizer has tokens for");
    }
    if (word.size() <= longest && known_.size() < most)
      known_.emplace(
          word, std::vector<token_id>(to.begin() + static_cast<std::ptrdiff_t>(before), to.end()));
  }

  const json_vocabulary& by_;
  std::string place_, text_;
  text::string_map<std::vector<token_id>> known_;  // words that have been met
};

class json_decoder final : public text_decoder {
 public:
  json_decoder(const json_vocabulary& by, bool begins)
      : by_(by), to_strip_(begins ? by.decoding().most_stripped() : 0), any_(!begins) {}

  std::string add(token_id token) override {
    if (by_.decoding().waits()) {
      std::string text = finish_last(false);
      last_ = token;
      return text;
    }
    const std::string text = by_.text_of(token, !any_, false);
    any_ = true;
    return without_front(text);
  }
  std::string finish() override { return finish_last(true); }

 private:
  std::string finish_last(bool end) {
    if (!last_) return {};
    const std::string text = by_.text_of(*std::exchange(last_, std::nullopt), !any_, end);
    any_ = true;
    return text;
  }
  std::string without_front(const std::string& text) {
    std::size_t at = 0;
    while (to_strip_ > 0 && at < text.size()) {
      const utf8_character c = decode_utf8(std::string_view(text).substr(at));
      if (c.length == 0 || c.code != by_.decoding().stripped()) {
        to_strip_ = 0;
        break;
      }
      at += c.length;
      --to_strip_;
    }
    return text.substr(at);
  }

  const json_vocabulary& by_;
  std::size_t to_strip_;
  bool any_;  // a token has come
  std::optional<token_id> last_;
};

std::unique_ptr<text_encoder> json_vocabulary::encoder(std::string place) const {
  return std::make_unique<json_encoder>(*this, std::move(place));
}
std::unique_ptr<text_decoder> json_vocabulary::decoder(bool begins) const {
  return std::make_unique<json_decoder>(*this, begins);
}

}  // namespace

std::unique_ptr<const vocabulary> make_json_vocabulary(std::string_view definition,
                                                       const std::string& place) {
  try {
    const nlohmann::json all = parse_json(definition, {.depth = 32, .unique_keys = true});
    return std::make_unique<json_vocabulary>(all, place);
  } catch (const json_error& e) {
    throw input_error(place, "no usable JSON (" + std::string(e.what()) + ")", "a tokenizer.json");
  }
}

}  // namespace bdh
