// encode_text TOKENIZER KIND: reads texts from standard input, each a line with its number of bytes
// and then the bytes, and prints a line of JSON for each: {"ids", "text", "pieces"}, where "text"
// is what the ids stand for, in hexadecimal digits, or {"error"}.
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include <bdh/error.hpp>

#include "io/text/vocabulary.hpp"

namespace {

std::string hex(const std::string& bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const char b : bytes) text += {digits[b >> 4 & 15], digits[b & 15]};
  return text;
}

nlohmann::json encoded(const bdh::vocabulary& by, const std::string& text) {
  try {
    nlohmann::json all;
    const std::vector<bdh::token_id> ids = bdh::encoded(by, text, "text");
    const auto decoder = by.decoder(true);
    std::string decoded;
    all["ids"] = ids;
    all["pieces"] = nlohmann::json::array();
    for (const bdh::token_id id : ids) {
      decoded += decoder->add(id);
      all["pieces"].push_back(hex(by.text_of(id)));
    }
    all["text"] = hex(decoded + decoder->finish());
    return all;
  } catch (const bdh::error& e) {
    return {{"error", e.what()}};
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return 2;
  std::ifstream file(arguments[1], std::ios::binary);
  const std::string definition{std::istreambuf_iterator<char>(file), {}};
  try {
    const auto by =
        bdh::make_vocabulary(bdh::tokenizer_named(arguments[2]), definition, arguments[1]);
    std::string line;
    while (std::getline(std::cin, line)) {
      std::string text(std::stoul(line), '\0');
      std::cin.read(text.data(), static_cast<std::streamsize>(text.size()));
      std::cin.get();
      std::cout << encoded(*by, text).dump() << "\n";
    }
  } catch (const bdh::error& e) {
    std::cout << nlohmann::json{{"refused", e.what()}}.dump() << "\n";
    return 1;
  }
}
