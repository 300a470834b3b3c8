#include "io/text/normalizer.hpp"

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include <bdh/error.hpp>

#include "core/base/utf8.hpp"
#include "io/text/pattern.hpp"
#include "io/text/read_pattern.hpp"
#include "io/text/settings.hpp"
#include "io/text/unicode.hpp"

namespace bdh::text {
namespace {

using step = std::function<std::string(std::string)>;

// The code point of each byte.
const std::array<char32_t, 256>& byte_characters() {
  static const std::array<char32_t, 256> all = [] {
    std::array<char32_t, 256> made{};
    char32_t next = 256;
    for (std::size_t b = 0; b < 256; ++b) {
      const bool printable = (b >= '!' && b <= '~') || (b >= 0xa1 && b != 0xad);
      made[b] = printable ? static_cast<char32_t>(b) : next++;
    }
    return made;
  }();
  return all;
}

template <class Keep>
std::string kept(const std::string& text, Keep keep) {
  std::string result;
  result.reserve(text.size());
  for_each_character(text, [&](char32_t c, std::string_view bytes) {
    if (keep(c)) result += bytes;
  });
  return result;
}

std::string stripped(const std::string& text, bool left, bool right) {
  std::size_t begin = text.size(), end = 0;
  for_each_character(text, [&](char32_t c, std::string_view bytes) {
    if (is_white_space(c)) return;
    const auto at = static_cast<std::size_t>(bytes.data() - text.data());
    begin = std::min(begin, at);
    end = at + bytes.size();
  });
  if (begin == text.size()) return left || right ? "" : text;
  if (!left) begin = 0;
  if (!right) end = text.size();
  return text.substr(begin, end - begin);
}

std::string cleaned(const std::string& text) {
  std::string result;
  result.reserve(text.size());
  for_each_character(text, [&](char32_t c, std::string_view bytes) {
    const bool line_or_tab = c == '\t' || c == '\n' || c == '\r';
    if (!line_or_tab && (c == 0 || c == replacement_character || is_control_or_other(c))) return;
    result += line_or_tab || is_white_space(c) ? std::string_view(" ") : bytes;
  });
  return result;
}

std::string with_spaces_around_chinese(const std::string& text) {
  std::string result;
  result.reserve(text.size());
  for_each_character(text, [&](char32_t c, std::string_view bytes) {
    const bool spaces = is_chinese(c);
    if (spaces) result += ' ';
    result += bytes;
    if (spaces) result += ' ';
  });
  return result;
}

step bert(const settings& s) {
  s.expect_only({"clean_text", "handle_chinese_chars", "strip_accents", "lowercase"});
  const bool clean = s.flag("clean_text"), chinese = s.flag("handle_chinese_chars"),
             lower = s.flag("lowercase"), accents = s.flag_or("strip_accents", lower);
  return [=](std::string text) {
    if (clean) text = cleaned(text);
    if (chinese) text = with_spaces_around_chinese(text);
    if (accents)
      text = kept(normalized(text, normal_form::nfd),
                  [](char32_t c) { return !is_nonspacing_mark(c); });
    return lower ? lower_case(text) : text;
  };
}

// As the trainer of SentencePiece calls it.
std::string nmt(const std::string& text) {
  std::string result;
  for_each_character(text, [&](char32_t c, std::string_view bytes) {
    if ((c >= 1 && c <= 8) || c == 0xb || (c >= 0xe && c <= 0x1f) || c == 0x7f || c == 0x8f ||
        c == 0x9f)
      return;
    const bool space = c == 9 || c == 10 || c == 12 || c == 13 || c == 0x1680 ||
                       (c >= 0x200b && c <= 0x200f) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
                       c == 0xfeff || c == 0xfffd;
    result += space ? std::string_view(" ") : bytes;
  });
  return result;
}

std::optional<normal_form> form_named(const std::string& name) {
  if (name == "NFC") return normal_form::nfc;
  if (name == "NFD") return normal_form::nfd;
  if (name == "NFKC") return normal_form::nfkc;
  if (name == "NFKD") return normal_form::nfkd;
  return std::nullopt;
}

}  // namespace

std::string characters_of_bytes(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char b : bytes) append_utf8(byte_characters()[static_cast<unsigned char>(b)], text);
  return text;
}

std::string bytes_of_characters(const std::string& utf8) {
  static const std::map<char32_t, char> all = [] {
    std::map<char32_t, char> made;
    for (std::size_t b = 0; b < 256; ++b) made[byte_characters()[b]] = static_cast<char>(b);
    return made;
  }();
  std::string bytes;
  bool known = true;
  for_each_character(utf8, [&](char32_t c, std::string_view) {
    const auto found = all.find(c);
    known = known && found != all.end();
    if (known) bytes += found->second;
  });
  return known ? bytes : utf8;
}

normalizer::normalizer(const nlohmann::json& value, const std::string& place) {
  if (!value.is_null()) add(value, place);
}

void normalizer::add(const nlohmann::json& value, const std::string& place) {
  const settings s(value, place);
  const std::string type = s.text("type");
  if (type == "Sequence") {
    s.expect_only({"normalizers"});
    std::size_t k = 0;
    for (const nlohmann::json& one : s.list("normalizers"))
      add(one, s.at("normalizers") + "[" + std::to_string(k++) + "]");
    return;
  }
  if (type == "Replace") {
    const replacement_settings r = read_replacement(s);
    keeps_places_ = keeps_places_ && r.one_for_one;
    steps_.push_back([r](std::string text) { return replace(text, *r.what, r.by); });
    return;
  }
  keeps_places_ = false;
  const auto plain = [&](step does) {
    s.expect_only({});
    steps_.push_back(std::move(does));
  };
  if (const auto form = form_named(type)) {
    plain([form](std::string text) { return normalized(text, *form); });
  } else if (type == "Lowercase") {
    plain([](std::string text) { return lower_case(text); });
  } else if (type == "StripAccents") {
    plain([](std::string text) {
      return kept(text, [](char32_t c) { return !is_combining_mark(c); });
    });
  } else if (type == "Nmt") {
    plain([](std::string text) { return nmt(text); });
  } else if (type == "ByteLevel") {
    plain([](std::string text) { return characters_of_bytes(text); });
  } else if (type == "BertNormalizer") {
    steps_.push_back(bert(s));
  } else if (type == "Strip") {
    s.expect_only({"strip_left", "strip_right"});
    const bool left = s.flag("strip_left"), right = s.flag("strip_right");
    steps_.push_back([=](std::string text) { return stripped(text, left, right); });
  } else if (type == "Prepend") {
    s.expect_only({"prepend"});
    const std::string first = s.text("prepend");
    steps_.push_back([first](std::string text) { return text.empty() ? text : first + text; });
  } else {
    throw unavailable_error(s.place(), "the normalizer " + type.substr(0, 64),
                            "one that docs/files.md lists",
                            "import with --tokenizer ids to do without text");
  }
}

std::string normalizer::operator()(std::string utf8) const {
  for (const auto& step : steps_) utf8 = step(std::move(utf8));
  return utf8;
}

}  // namespace bdh::text
