// A PTX text in words: statements end at a semicolon, and lines are counted.
#pragma once

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>
#include <vector>

#include "ptx/kernel.hpp"

namespace tests::ptx {

inline bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

class scanner {
 public:
  explicit scanner(std::string_view text) : text_(text) {}

  std::uint32_t line() const { return line_; }
  [[noreturn]] void refuse(const std::string& what) const {
    throw fault("line " + std::to_string(line_) + ": " + what);
  }

  // Behind the next `what`; false: there is none.
  bool find(std::string_view what) {
    const std::size_t at = text_.find(what, at_);
    if (at == text_.npos) return false;
    move_to(at + what.size());
    return true;
  }
  // The first character that is no space nor comment; 0 at the end.
  char peek() {
    for (; at_ < text_.size(); move_to(at_ + 1)) {
      if (text_.substr(at_, 2) == "//") move_to(std::min(text_.find('\n', at_), text_.size()));
      if (at_ < text_.size() && !is_space(text_[at_])) return text_[at_];
    }
    return 0;
  }
  void skip() { move_to(at_ + 1); }
  // What stands before the next one of `ends`, in one piece; stands at that.
  std::string until(std::string_view ends) {
    peek();
    const std::size_t end = text_.find_first_of(ends, at_);
    if (end == text_.npos) refuse("the text ends within a statement");
    std::string found(text_.substr(at_, end - at_));
    move_to(end);
    while (!found.empty() && is_space(found.back())) found.pop_back();
    return found;
  }

 private:
  void move_to(std::size_t at) {
    for (; at_ < at; ++at_) line_ += text_[at_] == '\n';
  }
  std::string_view text_;
  std::size_t at_ = 0;
  std::uint32_t line_ = 1;
};

// What stands between separators that are not within brackets; spaces around it are left out, and
// empty parts.
inline std::vector<std::string> parts(std::string_view text, char separator) {
  std::vector<std::string> all;
  std::size_t begin = 0;
  int depth = 0;
  const auto take = [&](std::size_t end) {
    std::size_t from = begin, to = end;
    while (from < to && is_space(text[from])) ++from;
    while (from < to && is_space(text[to - 1])) --to;
    if (from < to) all.emplace_back(text.substr(from, to - from));
    begin = end + 1;
  };
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    depth += (c == '[' || c == '{') - (c == ']' || c == '}');
    if (depth == 0 && (c == separator || (separator == ' ' && is_space(c)))) take(at);
  }
  take(text.size());
  return all;
}

}  // namespace tests::ptx
