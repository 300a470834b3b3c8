// Where a pattern of a tokenizer matches: a regular expression as Oniguruma reads it, the library
// that Python's tokenizers has too, a string, or a class of characters.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace bdh::text {

// Bytes [begin, end) of a text, and whether they are a match; what lies between is none.
struct span_of_text {
  std::size_t begin = 0, end = 0;
  bool match = false;
};

class pattern {
 public:
  virtual ~pattern() = default;
  // Spans that cover the text, in order. Throws input_error where the search takes too long.
  virtual std::vector<span_of_text> find(std::string_view utf8) const = 0;
};

// Throws input_error at `place` for an expression that Oniguruma does not take.
std::unique_ptr<const pattern> regular_expression(const std::string& expression,
                                                  const std::string& place);
std::unique_ptr<const pattern> literal(std::string text);  // not empty
std::unique_ptr<const pattern> character_class(bool (*holds)(char32_t));
// Runs of word characters, and runs of what is neither word nor white space.
std::unique_ptr<const pattern> words_and_symbols();

enum class delimiter { removed, isolated, merged_with_previous, merged_with_next, contiguous };

// The parts of a text that is split where a pattern matches (with `inverted`: where it does not);
// none is empty.
std::vector<std::string_view> split(std::string_view utf8, const pattern& by, bool inverted,
                                    delimiter behaviour);

// The text with each match replaced.
std::string replace(std::string_view utf8, const pattern& what, const std::string& by);

}  // namespace bdh::text
