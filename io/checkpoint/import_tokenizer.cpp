// Which tokenizer a checkpoint's model gets.
#include <algorithm>
#include <utility>

#include <bdh/error.hpp>

#include "io/checkpoint/import_context.hpp"
#include "io/checkpoint/named_vocabularies.hpp"
#include "io/checkpoint/tokenizer_file.hpp"

namespace bdh {
namespace {

bool fits(const import_context& c, const found_tokenizer& found) {
  return found.largest < c.match.tokens;
}

std::string misfit(const found_tokenizer& found) {
  return fmt::format("a token {}", found.largest);
}

chosen_tokenizer take(import_context& c, const found_tokenizer& found, const std::string& place) {
  if (!fits(c, found))
    throw input_error(place, misfit(found),
                      fmt::format("below {}, the tokens of the model", c.match.tokens),
                      "--tokenizer ids imports it without text");
  c.note("tokenizer {} ({}): {} tokens with a text, of the model's {}", name(found.kind),
         found.from, found.tokens, c.match.tokens);
  c.not_used.insert(c.not_used.end(), found.not_used.begin(), found.not_used.end());
  c.used.insert(c.used.end(), found.used.begin(), found.used.end());
  return {found.kind, found.definition};
}

void remark_on(import_context& c, const std::vector<std::string>& unusable) {
  constexpr std::size_t most = 4;
  for (std::size_t k = 0; k < std::min(unusable.size(), most); ++k)
    c.remark("no tokenizer, tokens are ids: {}; --tokenizer FILE gives one", unusable[k]);
}

// What is beside the tensors, and bytes of a tokenizer that lie among them.
std::vector<beside_value> with_tensor(const import_context& c, const tensor& t) {
  std::vector<beside_value> values = c.file.beside();
  plain_value::bytes bytes;
  c.file.all_of(t, [&](std::uint64_t, double value) {
    bytes.data += static_cast<char>(static_cast<unsigned char>(value));
    return true;
  });
  plain_value value;
  value.data = std::move(bytes);
  values.push_back({t.name, std::move(value), "a tensor of the file"});
  return values;
}

}  // namespace

chosen_tokenizer tokenizer_of(import_context& c) {
  if (c.options.tokens) {
    c.note("tokenizer {} (--tokenizer)", name(*c.options.tokens));
    return {*c.options.tokens, nullptr};
  }
  if (c.options.tokenizer_file) {
    const found_tokenizer given = read_tokenizer_file(*c.options.tokenizer_file);
    return take(c, given, given.from);
  }
  std::vector<std::string> unusable;
  const auto inside = tokenizer_inside(c.file.beside(), c.match.tokens, c.file.place(), unusable);
  if (inside) return take(c, *inside, c.file.place() + ", " + inside->from);
  std::vector<beside_value> more;
  if (c.match.tokenizer != nullptr) more = with_tensor(c, *c.match.tokenizer);
  const std::vector<beside_value>& values = more.empty() ? c.file.beside() : more;
  const auto kept = tokenizer_kept(values, c.file.place(), unusable);
  if (kept) return take(c, *kept, c.file.place() + ", " + kept->from);
  const auto beside = tokenizer_beside(c.file.place(), unusable);
  if (beside && fits(c, *beside)) return take(c, *beside, beside->from);
  if (beside)
    unusable.push_back(
        fmt::format("{}: {}, and the model has {}", beside->from, misfit(*beside), c.match.tokens));
  if (unusable.empty()) unusable = unread_vocabularies(values, c.file.place());
  remark_on(c, unusable);
  // Where something says what tokens are, they are no bytes, however many they are.
  const bool bytes = c.match.tokens == 256 && unusable.empty();
  const tokenizer guess = bytes ? tokenizer::bytes : tokenizer::ids;
  if (unusable.empty())
    c.note("tokenizer {} (assumed, a vocabulary of {}; --tokenizer)", name(guess), c.match.tokens);
  else
    c.note("tokenizer ids (the vocabulary is not known; --tokenizer)");
  return {guess, nullptr};
}

}  // namespace bdh
