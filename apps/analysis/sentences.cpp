#include "apps/analysis/sentences.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include <bdh/error.hpp>

#include "apps/common/token_source.hpp"
#include "io/files/text_start.hpp"

namespace bdh::app {
namespace {

constexpr std::size_t most_bytes = std::size_t{64} << 20;

std::string all_of(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream || std::filesystem::is_directory(file))
    throw input_error(file, "no file that can be read", "one sentence a line");
  std::string text;
  for (char piece[65536]; stream.read(piece, sizeof piece) || stream.gcount() > 0;) {
    text.append(piece, static_cast<std::size_t>(stream.gcount()));
    if (text.size() > most_bytes)
      throw input_error(file, "more than 64 MiB", "one sentence a line");
  }
  return text;
}

}  // namespace

std::vector<sentence> read_sentences(const std::string& file, const model& m,
                                     std::vector<std::string>* groups) {
  const std::string bytes = all_of(file);
  const std::string_view text = without_byte_order_mark(bytes, file);
  std::vector<sentence> all;
  std::size_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    sentence s{
        fmt::format("{} line {}", file, ++number), std::string(text.substr(at, end - at)), {}};
    if (s.text.ends_with('\r')) s.text.pop_back();
    at = end + 1;
    if (s.text.find_first_not_of(" \t") == s.text.npos) continue;
    if (groups) {
      const std::size_t tab = s.text.find('\t');
      if (tab == s.text.npos || tab == 0 || tab + 1 == s.text.size())
        throw input_error(s.place, "no group before a tab", "GROUP<tab>SENTENCE");
      groups->push_back(s.text.substr(0, tab));
      s.text.erase(0, tab + 1);
    }
    const std::unique_ptr<token_source> tokens = open_line(s.place, s.text, m);
    while (const auto token = tokens->next()) s.tokens.push_back(*token);
    all.push_back(std::move(s));
  }
  if (all.empty()) throw input_error(file, "no sentence", "one sentence a line");
  return all;
}

}  // namespace bdh::app
