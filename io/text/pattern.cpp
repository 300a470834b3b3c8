#include "io/text/pattern.hpp"

#include <oniguruma.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include <bdh/error.hpp>

#include "core/base/utf8.hpp"
#include "io/text/unicode.hpp"

namespace bdh::text {
namespace {

// Gathers matches, and the gaps between them.
class coverage {
 public:
  explicit coverage(std::size_t size) : size_(size) {}
  void add(std::size_t begin, std::size_t end) {
    if (begin != at_) spans_.push_back({at_, begin, false});
    spans_.push_back({begin, end, true});
    at_ = end;
  }
  std::vector<span_of_text> finish() && {
    if (at_ != size_) spans_.push_back({at_, size_, false});
    return std::move(spans_);
  }

 private:
  std::size_t size_, at_ = 0;
  std::vector<span_of_text> spans_;
};

std::string message(int code, OnigErrorInfo* info) {
  OnigUChar text[ONIG_MAX_ERROR_MESSAGE_LEN] = {};
  const int length = info != nullptr ? onig_error_code_to_str(text, code, info)
                                     : onig_error_code_to_str(text, code);
  return {reinterpret_cast<const char*>(text), static_cast<std::size_t>(std::max(length, 0))};
}

const OnigUChar* bytes(const char* text) { return reinterpret_cast<const OnigUChar*>(text); }

void set_up_oniguruma() {
  static std::once_flag once;
  std::call_once(once, [] {
    OnigEncoding encoding = ONIG_ENCODING_UTF8;
    onig_initialize(&encoding, 1);
    onig_set_parse_depth_limit(64);
    onig_set_retry_limit_in_match(10'000'000);
    onig_set_retry_limit_in_search(100'000'000);
  });
}

class oniguruma_pattern final : public pattern {
 public:
  oniguruma_pattern(const std::string& expression, std::string place) : place_(std::move(place)) {
    set_up_oniguruma();
    OnigErrorInfo info;
    const int code =
        onig_new(&compiled_, bytes(expression.data()), bytes(expression.data() + expression.size()),
                 ONIG_OPTION_NONE, ONIG_ENCODING_UTF8, ONIG_SYNTAX_RUBY, &info);
    if (code != ONIG_NORMAL) {
      compiled_ = nullptr;
      throw input_error(place_, "'" + expression.substr(0, 80) + "' (" + message(code, &info) + ")",
                        "a regular expression of Oniguruma");
    }
  }
  ~oniguruma_pattern() override { onig_free(compiled_); }
  oniguruma_pattern(const oniguruma_pattern&) = delete;
  oniguruma_pattern& operator=(const oniguruma_pattern&) = delete;

  std::vector<span_of_text> find(std::string_view text) const override {
    coverage found(text.size());
    const OnigUChar *const begin = bytes(text.data()), *const end = begin + text.size();
    const std::unique_ptr<OnigRegion, void (*)(OnigRegion*)> region(
        onig_region_new(), [](OnigRegion* r) { onig_region_free(r, 1); });
    // An empty match directly behind the last one counts as none.
    for (std::size_t at = 0, last = text.size() + 1; at <= text.size();) {
      const int result =
          onig_search(compiled_, begin, end, begin + at, end, region.get(), ONIG_OPTION_NONE);
      if (result == ONIG_MISMATCH) break;
      if (result < 0)
        throw input_error(place_, "a search that fails (" + message(result, nullptr) + ")",
                          "an expression that matches in linear time");
      const auto from = static_cast<std::size_t>(region->beg[0]),
                 to = static_cast<std::size_t>(region->end[0]);
      if (from == to && to == last) {
        at += std::max<std::size_t>(decode_utf8(text.substr(at)).length, 1);
        continue;
      }
      found.add(from, to);
      at = last = to;
    }
    return std::move(found).finish();
  }

 private:
  std::string place_;
  regex_t* compiled_ = nullptr;
};

class literal_pattern final : public pattern {
 public:
  explicit literal_pattern(std::string text) : text_(std::move(text)) {}
  std::vector<span_of_text> find(std::string_view text) const override {
    coverage found(text.size());
    for (std::size_t at = 0; (at = text.find(text_, at)) != text.npos; at += text_.size())
      found.add(at, at + text_.size());
    return std::move(found).finish();
  }

 private:
  std::string text_;
};

class class_pattern final : public pattern {
 public:
  explicit class_pattern(bool (*holds)(char32_t)) : holds_(holds) {}
  std::vector<span_of_text> find(std::string_view text) const override {
    coverage found(text.size());
    for_each_character(text, [&](char32_t c, std::string_view character) {
      const auto at = static_cast<std::size_t>(character.data() - text.data());
      if (holds_(c)) found.add(at, at + character.size());
    });
    return std::move(found).finish();
  }

 private:
  bool (*holds_)(char32_t);
};

class word_pattern final : public pattern {
 public:
  std::vector<span_of_text> find(std::string_view text) const override {
    coverage found(text.size());
    std::size_t begin = 0, end = 0;
    kind last = kind::space;
    for_each_character(text, [&](char32_t c, std::string_view character) {
      const kind now = kind_of(c);
      if (now != last) {
        if (last != kind::space) found.add(begin, end);
        begin = end;
        last = now;
      }
      end += character.size();
    });
    if (last != kind::space) found.add(begin, end);
    return std::move(found).finish();
  }

 private:
  enum class kind { space, word, symbol };
  static kind kind_of(char32_t c) {
    if (is_word_character(c)) return kind::word;
    return is_white_space(c) ? kind::space : kind::symbol;
  }
};

// A delimiter joins what is beside it: the span before it, in the order in which they are given.
std::vector<span_of_text> joined(const std::vector<span_of_text>& spans, bool any_equal) {
  std::vector<span_of_text> all;
  bool last = false;
  for (const span_of_text& s : spans) {
    const bool joins = any_equal ? s.match == last : s.match && !last;
    if (joins && !all.empty()) {
      all.back().begin = std::min(all.back().begin, s.begin);
      all.back().end = std::max(all.back().end, s.end);
    } else {
      all.push_back(s);
    }
    last = s.match;
  }
  return all;
}

}  // namespace

std::unique_ptr<const pattern> regular_expression(const std::string& expression,
                                                  const std::string& place) {
  return std::make_unique<oniguruma_pattern>(expression, place);
}
std::unique_ptr<const pattern> literal(std::string text) {
  return std::make_unique<literal_pattern>(std::move(text));
}
std::unique_ptr<const pattern> character_class(bool (*holds)(char32_t)) {
  return std::make_unique<class_pattern>(holds);
}
std::unique_ptr<const pattern> words_and_symbols() { return std::make_unique<word_pattern>(); }

std::vector<std::string_view> split(std::string_view utf8, const pattern& by, bool inverted,
                                    delimiter behaviour) {
  std::vector<span_of_text> spans = by.find(utf8);
  for (span_of_text& s : spans) s.match = s.match != inverted;
  switch (behaviour) {
    case delimiter::merged_with_previous:
    case delimiter::contiguous:
      spans = joined(spans, behaviour == delimiter::contiguous);
      break;
    case delimiter::merged_with_next:
      std::reverse(spans.begin(), spans.end());
      spans = joined(spans, false);
      std::reverse(spans.begin(), spans.end());
      break;
    default:
      break;
  }
  std::vector<std::string_view> parts;
  for (const span_of_text& s : spans)
    if (s.begin != s.end && !(behaviour == delimiter::removed && s.match))
      parts.push_back(utf8.substr(s.begin, s.end - s.begin));
  return parts;
}

std::string replace(std::string_view utf8, const pattern& what, const std::string& by) {
  std::string result;
  result.reserve(utf8.size());
  for (const span_of_text& s : what.find(utf8))
    result += s.match ? std::string_view(by) : utf8.substr(s.begin, s.end - s.begin);
  return result;
}

}  // namespace bdh::text
