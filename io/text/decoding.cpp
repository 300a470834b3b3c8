#include "io/text/decoding.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <bdh/error.hpp>

#include "core/base/utf8.hpp"
#include "io/text/normalizer.hpp"
#include "io/text/read_pattern.hpp"
#include "io/text/unicode.hpp"

namespace bdh::text {
namespace {

using piece = decoding::piece;
using step = std::function<std::string(const piece&)>;

std::string with_each(const std::string& text, const std::string& what, const std::string& by) {
  return what.empty() ? text : replace(text, *literal(what), by);
}

// The spaces that WordPiece leaves before punctuation.
std::string cleaned_up(std::string text) {
  static constexpr std::array<std::pair<const char*, const char*>, 11> changes{
      {{" .", "."},
       {" ?", "?"},
       {" !", "!"},
       {" ,", ","},
       {" ' ", "'"},
       {" n't", "n't"},
       {" 'm", "'m"},
       {" do not", " don't"},
       {" 's", "'s"},
       {" 've", "'ve"},
       {" 're", "'re"}}};
  for (const auto& [what, by] : changes)
    if (text.find(what) != text.npos) text = with_each(text, what, by);
  return text;
}

step word_piece(const settings& s) {
  s.expect_only({"prefix", "cleanup"});
  const std::string prefix = s.text("prefix");
  const bool clean = s.flag("cleanup");
  return [=](const piece& p) {
    std::string text = p.text;
    if (!p.first) text = text.starts_with(prefix) ? text.substr(prefix.size()) : " " + text;
    return clean ? cleaned_up(text) : text;
  };
}

step metaspace(const settings& s) {
  s.expect_only({"replacement", "prepend_scheme", "add_prefix_space", "split", "str_rep"});
  std::string mark;
  append_utf8(s.character("replacement"), mark);
  const bool prefix = s.flag_or("add_prefix_space", true) &&
                      s.text_if_any("prepend_scheme").value_or("always") != "never";
  return [=](const piece& p) { return with_each(p.text, mark, p.first && prefix ? "" : " "); };
}

// <0x0A> is the byte.
std::string byte_of_name(const piece& p) {
  const std::string& text = p.text;
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return text;
  unsigned value = 0;
  const auto [end, failed] = std::from_chars(text.data() + 3, text.data() + 5, value, 16);
  if (failed != std::errc() || end != text.data() + 5) return text;
  return {static_cast<char>(value)};
}

// Of each piece.
std::string strip(const std::string& text, char32_t what, std::size_t start, std::size_t stop) {
  std::vector<std::string_view> characters;
  std::vector<bool> same;
  for_each_character(text, [&](char32_t c, std::string_view bytes) {
    characters.push_back(bytes);
    same.push_back(c == what);
  });
  std::size_t begin = 0, end = characters.size();
  while (begin < std::min(start, characters.size()) && same[begin]) ++begin;
  while (end > begin && characters.size() - end < stop && same[end - 1]) --end;
  std::string kept;
  for (std::size_t k = begin; k < end; ++k) kept += characters[k];
  return kept;
}

}  // namespace

decoding::decoding(const nlohmann::json& value, const std::string& place) {
  if (value.is_null()) return;
  spaced_ = false;
  add(value, place);
}

// Some work on pieces, and come before what makes one text of them.
void decoding::expect_pieces(const settings& s) const {
  if (fused_ || !suffix_.empty())
    throw unavailable_error(s.place(), "the decoder " + s.text("type") + " of a whole text",
                            "one that docs/files.md lists, before Fuse and ByteLevel");
}

void decoding::add_strip(const settings& s) {
  s.expect_only({"content", "start", "stop"});
  const char32_t what = s.character("content");
  const std::size_t start = s.count("start", 1u << 20), stop = s.count("stop", 1u << 20);
  if (!fused_) {
    expect_pieces(s);
    steps_.push_back([=](const piece& p) { return strip(p.text, what, start, stop); });
    return;
  }
  if (stop != 0 || most_stripped_ != 0) expect_pieces(s);
  stripped_ = what;
  most_stripped_ = start;
}

void decoding::add(const nlohmann::json& value, const std::string& place) {
  const settings s(value, place);
  const std::string type = s.text("type");
  if (type == "Sequence") {
    s.expect_only({"decoders"});
    std::size_t k = 0;
    for (const nlohmann::json& one : s.list("decoders"))
      add(one, s.at("decoders") + "[" + std::to_string(k++) + "]");
    return;
  }
  if (type == "Strip") return add_strip(s);
  if (type == "Fuse") {
    s.expect_only({});
    fused_ = true;
    return;
  }
  expect_pieces(s);
  if (type == "ByteLevel") {
    s.expect_only({"add_prefix_space", "trim_offsets", "use_regex"});
    fused_ = true;
    steps_.push_back([](const piece& p) { return p.added ? p.text : bytes_of_characters(p.text); });
  } else if (type == "WordPiece") {
    steps_.push_back(word_piece(s));
  } else if (type == "Metaspace") {
    steps_.push_back(metaspace(s));
  } else if (type == "ByteFallback") {
    s.expect_only({});
    steps_.push_back(byte_of_name);
  } else if (type == "BPEDecoder") {
    s.expect_only({"suffix"});
    suffix_ = s.text("suffix");
  } else if (type == "Replace") {
    const replacement_settings r = read_replacement(s);
    steps_.push_back([r](const piece& p) { return replace(p.text, *r.what, r.by); });
  } else {
    throw unavailable_error(s.place(), "the decoder " + type.substr(0, 64),
                            "one that docs/files.md lists",
                            "import with --tokenizer ids to do without text");
  }
}

std::string decoding::text_of(piece p, bool last) const {
  if (spaced_ && !p.first) p.text.insert(0, " ");
  for (const step& does : steps_) p.text = does(p);
  if (suffix_.empty()) return std::move(p.text);
  return with_each(p.text, suffix_, last ? "" : " ");
}

}  // namespace bdh::text
