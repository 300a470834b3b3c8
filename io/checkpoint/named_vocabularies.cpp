#include "io/checkpoint/named_vocabularies.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "io/checkpoint/configuration.hpp"
#include "io/checkpoint/stated_value.hpp"
#include "io/files/whole_file.hpp"

namespace bdh {
namespace {

constexpr std::size_t most_named = 8, deepest_name = 6;
// Fewer hold no vocabulary of 256 tokens.
constexpr std::size_t least_bytes = 256;
// Of an object: fewer are settings.
constexpr std::size_t least_entries = 4;

template <std::size_t N>
bool is_one_of(const std::string_view (&all)[N], std::string_view word) {
  return std::find(std::begin(all), std::end(all), word) != std::end(all);
}

// Letters and digits alone, in lower case: Byte-Level is bytelevel.
std::string plain_word(std::string_view text) {
  std::string result;
  for (const char c : text)
    if (const auto u = static_cast<unsigned char>(c); u < 128 && std::isalnum(u) != 0)
      result += static_cast<char>(std::tolower(u));
  return result;
}

// Names of tokens that are the bytes of a text, and of no tokenizer at all.
bool means_bytes(std::string_view name) {
  static constexpr std::string_view words[] = {"byte",
                                               "bytes",
                                               "bytelevel",
                                               "bytetokenizer",
                                               "bytestokenizer",
                                               "rawbytes",
                                               "bytesutf8",
                                               "rawbytesutf8",
                                               "utf8",
                                               "utf8bytes",
                                               "raw",
                                               "uint8",
                                               "ascii",
                                               "none",
                                               "off",
                                               "bytelevels",
                                               "utf8byte",
                                               "rawbyte",
                                               "byteleveltokenizer",
                                               "utf8tokenizer",
                                               "bytevocabulary"};
  return is_one_of(words, plain_word(name.substr(0, 64)));
}

std::string_view last_part(std::string_view type) { return type.substr(type.rfind('.') + 1); }

const plain_value* kind_in(const plain_value& v) {
  for (const char* const key : {"type", "kind", "name", "class", "encoding", "tokenizer_class"})
    if (const plain_value* const found = v.find(key); found != nullptr && !is_absent(*found))
      return found;
  return nullptr;
}

// Whether it is, or names, a vocabulary: not a number, a flag, or a name of bytes.
// `is_table`: an object of numbers is one, and no settings.
bool is_vocabulary(const plain_value& v, bool is_table, std::size_t depth) {
  if (is_absent(v) || number_of(v) || v.as<bool>() != nullptr || depth > deepest_name) return false;
  if (const auto* const text = v.as<std::string>()) return !is_off(v) && !means_bytes(*text);
  if (const auto* const bytes = v.as<plain_value::bytes>())
    return bytes->data.size() >= least_bytes;
  if (const auto* const list = v.as<plain_value::list>()) return list->size() >= least_entries;
  if (!v.type.empty()) return !means_bytes(last_part(v.type));
  const auto* const items = v.as<plain_value::map>();
  if (items == nullptr) return false;
  if (const plain_value* const kind = kind_in(v)) return is_vocabulary(*kind, is_table, depth + 1);
  const auto is_entry = [](const plain_value::entry& item) {
    return item.second.as<std::int64_t>() != nullptr || item.second.as<std::string>() != nullptr;
  };
  const auto entries = std::count_if(items->begin(), items->end(), is_entry);
  return (is_table && static_cast<std::size_t>(entries) >= least_entries) ||
         std::any_of(items->begin(), items->end(), [&](const plain_value::entry& item) {
           return is_vocabulary(item.second, is_table, depth + 1);
         });
}

// More entries than a tokenizer has settings.
bool is_large(const plain_value& v) {
  constexpr std::size_t most_settings = 64;
  const auto* const items = v.as<plain_value::map>();
  return items != nullptr && items->size() > most_settings;
}

class search {
 public:
  void value(const std::string& name, const plain_value& given, const std::string& where,
             std::size_t depth) {
    if (found_.size() >= most_named || depth > deepest_name) return;
    plain_value parsed;
    const auto* const text = given.as<std::string>();
    if (text != nullptr) parsed = parse_plain_object(*text);
    const plain_value& v = unwrapped(parsed.empty() ? given : parsed);
    if (is_about_tokens(name)) {
      const bool settings = normalised_key(name).find("token") != std::string::npos;
      if (is_vocabulary(v, !settings || is_large(v), 0))
        found_.push_back(fmt::format("'{}' is {} ({})", name.substr(0, 64), shown_value(v), where));
      return;
    }
    const auto* const items = v.as<plain_value::map>();
    if (items == nullptr) return;
    const std::string inside = depth == 0 ? "'" + name.substr(0, 64) + "' in " + where : where;
    for (const auto& [key, one] : *items)
      if (const auto* const word = key.as<std::string>()) value(*word, one, inside, depth + 1);
  }

  // Each key of the object in a JSON file.
  void object(const plain_value& v, const std::string& where) {
    if (const auto* const items = v.as<plain_value::map>())
      for (const auto& [key, one] : *items)
        if (const auto* const word = key.as<std::string>()) value(*word, one, where, 1);
  }

  void files(const std::filesystem::path& folder) {
    std::error_code failed;
    for (const char* const name :
         {"vocab.txt", "merges.txt", "vocab.bpe", "spiece.model", "sentencepiece.bpe.model",
          "tokenizer.pkl", "tokenizer.pickle", "vocab.pkl"})
      if (std::filesystem::is_regular_file(folder / name, failed))
        found_.push_back(std::string(name) + " beside the file is not read");
    const std::filesystem::path config = folder / "tokenizer_config.json";
    constexpr std::uintmax_t most = 1 << 20;
    if (!std::filesystem::is_regular_file(config, failed) ||
        std::filesystem::file_size(config, failed) > most)
      return;
    const plain_value all =
        parse_plain_object(read_whole_file(config, most, "a tokenizer's configuration"));
    if (const plain_value* const of_class = all.find("tokenizer_class"))
      value("tokenizer_class", *of_class, "tokenizer_config.json beside the file", 1);
  }

  std::vector<std::string> found() && { return std::move(found_); }

 private:
  std::vector<std::string> found_;
};

}  // namespace

bool is_about_tokens(const std::string& key) {
  static constexpr std::string_view words[] = {
      "tokenizer", "tokeniser",     "vocab",    "vocabulary", "stoi",     "itos",    "merges",
      "bpe",       "spm",           "sp",       "spiece",     "alphabet", "chars",   "characters",
      "tiktoken",  "sentencepiece", "encoding", "word2idx",   "idx2word", "word2id", "id2word",
      "token2id",  "id2token",      "char2idx", "idx2char"};
  static constexpr std::string_view joined[] = {
      "tokentoid", "idtotoken", "wordtoidx", "idxtoword", "wordtoid",   "idtoword",
      "wordtoix",  "ixtoword",  "chartoidx", "idxtochar", "chartoid",   "idtochar",
      "chartoix",  "ixtochar",  "chartoint", "inttochar", "tokentoidx", "idxtotoken"};
  const std::string name = normalised_key(key.substr(0, 128));
  for (const std::string_view other : {"pos", "position", "positional"})
    if (name.starts_with(other)) return false;  // positional_encoding
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('_', begin), name.size());
    if (is_one_of(words, name.substr(begin, end - begin))) return true;
    begin = end + 1;
  }
  return is_one_of(joined, letters_of_key(name));
}

std::vector<std::string> unread_vocabularies(const std::vector<beside_value>& values,
                                             const std::string& place) {
  search all;
  for (const beside_value& v : values)
    if (!v.where.starts_with("attribute of ")) all.value(v.name, v.value, v.where, 0);
  if (const auto config = read_config_beside(place))
    all.object(*config, "config.json beside the file");
  all.files(std::filesystem::path(place).parent_path());
  return std::move(all).found();
}

}  // namespace bdh
