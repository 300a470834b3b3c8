// How a tokenizer.json splits a text into words, which its model then makes tokens of:
// "pre_tokenizer".
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace bdh::text {

struct word {
  std::string utf8;
  bool begins_text = false;  // nothing of the text is before it
};

class pre_tokenizer {
 public:
  pre_tokenizer() = default;  // every text is one word
  // `places_kept`: whether the normalizer changes no place of a character. Throws input_error for
  // what is no pre-tokenizer, unavailable_error for one that is not computed here.
  pre_tokenizer(const nlohmann::json& value, const std::string& place, bool places_kept);

  std::vector<word> operator()(std::vector<word> words) const;

 private:
  using step = std::function<std::vector<word>(std::vector<word>)>;
  void add(const nlohmann::json& value, const std::string& place, bool places_kept);

  std::vector<step> steps_;
};

}  // namespace bdh::text
