#include "io/checkpoint/tokenizer_file.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include <bdh/error.hpp>

#include "core/base/utf8.hpp"
#include "io/checkpoint/named_vocabularies.hpp"
#include "io/checkpoint/pickled_values.hpp"
#include "io/files/json.hpp"
#include "io/files/mapped_file.hpp"
#include "io/files/text_start.hpp"
#include "io/text/characters.hpp"
#include "io/text/vocabulary.hpp"

namespace bdh {
namespace {

using nlohmann::json;

constexpr std::size_t largest_file = std::size_t{64} << 20;
// Shorter texts and bytes are settings.
constexpr std::size_t least_file = 64;

// Names under which trainers keep what they read characters by.
constexpr std::string_view vocabulary_names[] = {
    "stoi",       "itos",        "chars",       "characters",  "vocab",       "vocabulary",
    "alphabet",   "char_to_idx", "idx_to_char", "char2idx",    "idx2char",    "char_to_id",
    "id_to_char", "char2id",     "id2char",     "char_to_int", "int_to_char", "char_to_ix",
    "ix_to_char", "token_to_id", "id_to_token"};
// Names of what may hold one of these.
constexpr std::string_view holder_names[] = {"tokenizer",  "meta",     "vocab",
                                             "vocabulary", "metadata", "data"};
// These have more than a vocabulary, and their other keys are the configuration's.
constexpr std::string_view configuration_names[] = {"config", "model_config", "args", "hparams",
                                                    "hyper_parameters"};

template <std::size_t N>
bool is_one_of(const std::string_view (&names)[N], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

std::optional<token_id> id_of(const plain_value& value) {
  std::int64_t id = -1;
  if (const auto* const number = value.as<std::int64_t>()) id = *number;
  if (const auto* const text = value.as<std::string>()) {
    const char* const end = text->data() + text->size();
    if (text->empty() || std::from_chars(text->data(), end, id).ptr != end) return std::nullopt;
  }
  if (id < 0 || id > 0xffffffff) return std::nullopt;
  return static_cast<token_id>(id);
}

std::optional<character_list> of_list(const plain_value::list& values) {
  character_list all;
  for (const plain_value& value : values) {
    const auto* const text = value.as<std::string>();
    if (text == nullptr) return std::nullopt;
    all.emplace(static_cast<token_id>(all.size()), *text);
  }
  return all;
}

std::optional<character_list> of_string(const std::string& text) {
  character_list all;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t length = decode_utf8(rest).length;
    if (length == 0) return std::nullopt;
    all.emplace(static_cast<token_id>(all.size()), rest.substr(0, length));
    rest.remove_prefix(length);
  }
  return all;
}

enum class direction : std::uint8_t { to_id, to_text };

std::optional<character_list> of_map(const plain_value::map& values, direction d) {
  character_list all;
  for (const auto& [key, value] : values) {
    const plain_value &of = d == direction::to_id ? value : key,
                      &by = d == direction::to_id ? key : value;
    const auto id = id_of(of);
    const auto* const text = by.as<std::string>();
    if (!id || text == nullptr || !all.emplace(*id, *text).second) return std::nullopt;
  }
  return all;
}

// {text: id}, or {id: text}, where ids may be texts, too; nothing where digits leave both.
std::optional<character_list> of_map(const plain_value::map& values) {
  const auto to_id = of_map(values, direction::to_id), to_text = of_map(values, direction::to_text);
  if (to_id && to_text && *to_id != *to_text) return std::nullopt;
  return to_id ? to_id : to_text;
}

std::optional<character_list> characters_of(const plain_value& value) {
  std::optional<character_list> found;
  if (const auto* const list = value.as<plain_value::list>()) found = of_list(*list);
  if (const auto* const map = value.as<plain_value::map>()) found = of_map(*map);
  if (const auto* const text = value.as<std::string>()) found = of_string(*text);
  return found && found->empty() ? std::nullopt : found;
}

struct candidate {
  std::string name, where;
  const plain_value* value = nullptr;
  std::string holder = {};                  // "'tokenizer' (the file)"
  std::vector<std::string> beside_it = {};  // what else the holder has
};

// The values with such a name, and those inside what may hold them, one level down.
std::vector<candidate> candidates_in(const plain_value& value, const std::string& name,
                                     const std::string& where) {
  std::vector<candidate> found;
  if (is_one_of(vocabulary_names, name) && characters_of(value))
    found.push_back({name, where, &value});
  const auto* const inner = value.as<plain_value::map>();
  const bool holds = is_one_of(holder_names, name),
             configures = is_one_of(configuration_names, name);
  if (inner == nullptr || !(name.empty() || holds || configures)) return found;
  const std::string within = name.empty() ? where : "'" + name + "' in the file";
  std::vector<std::string> others;
  const std::size_t first = found.size();
  for (const auto& [key, one] : *inner) {
    const auto* const text = key.as<std::string>();
    if (text == nullptr) continue;
    if (is_one_of(vocabulary_names, *text) && characters_of(one))
      found.push_back({*text, within, &one});
    else if (*text != "vocab_size" && others.size() < 64)
      others.push_back("'" + text->substr(0, 64) + "' (" + within + ")");
  }
  if (holds && found.size() > first) {
    found[first].holder = "'" + name + "' (" + where + ")";
    found[first].beside_it = std::move(others);
  }
  return found;
}

found_tokenizer made(tokenizer kind, std::string definition, const std::string& from) {
  found_tokenizer result;
  result.kind = kind;
  result.from = from;
  const auto by = make_vocabulary(kind, definition, from);
  result.tokens = by->tokens();
  result.largest = by->largest_token();
  result.definition = std::make_shared<const std::string>(std::move(definition));
  return result;
}

// A word such as "gpt2" names a vocabulary; it is one where it has a character for each token.
bool is_name(const candidate& c, std::uint64_t tokens) {
  const auto* const text = c.value->as<std::string>();
  return text != nullptr && text->size() != tokens &&
         std::all_of(text->begin(), text->end(), [](char one) {
           return std::isalnum(static_cast<unsigned char>(one)) != 0 || one == '_' || one == '-' ||
                  one == '.' || one == '/';
         });
}

std::string shown_place(const candidate& c) { return "'" + c.name + "' (" + c.where + ")"; }

// What a file holds as a whole has no name in it.
std::string before_reason(const candidate& c) {
  return c.name.empty() ? "" : shown_place(c) + ": ";
}

// All candidates that are usable say the same, or it is refused.
std::optional<found_tokenizer> from_candidates(const std::vector<candidate>& all,
                                               const std::string& place,
                                               std::vector<std::string>& unusable) {
  std::optional<std::string> definition;
  std::vector<std::string> used, not_used;
  const candidate* first = nullptr;
  for (const candidate& c : all) {
    std::string why;
    const auto one = character_definition(*characters_of(*c.value), why);
    if (!one) {
      unusable.push_back(before_reason(c) + why);
      continue;
    }
    if (definition && *definition != *one)
      throw input_error(place,
                        "other tokens in " + shown_place(c) + " than in " + shown_place(*first),
                        "the same", "--tokenizer FILE, or --tokenizer ids");
    if (first == nullptr) first = &c;
    definition = one;
    used.push_back(shown_place(c));
    if (!c.holder.empty()) used.push_back(c.holder);
    not_used.insert(not_used.end(), c.beside_it.begin(), c.beside_it.end());
  }
  if (!definition) return std::nullopt;
  found_tokenizer result = made(tokenizer::characters, *definition, used.front());
  result.used = std::move(used);
  result.not_used = std::move(not_used);
  return result;
}

// What the file of Hugging Face says about texts beside how they are split.
found_tokenizer from_tokenizer_json(json all, const std::string& from, const std::string& file) {
  std::vector<std::string> not_used;
  json kept = json::object();
  for (auto& [key, value] : all.items()) {
    const bool needed = key == "version" || key == "added_tokens" || key == "normalizer" ||
                        key == "pre_tokenizer" || key == "decoder" || key == "model";
    // This one only moves the places of tokens in a text.
    const bool harmless =
        value.is_null() || (key == "post_processor" && value.value("type", "") == "ByteLevel");
    if (needed)
      kept[key] = std::move(value);
    else if (!harmless)
      not_used.push_back("'" + key.substr(0, 64) + "' (" + file + ")");
  }
  found_tokenizer result = made(tokenizer::tokenizer_json, json_text(kept), from);
  result.not_used = std::move(not_used);
  return result;
}

[[noreturn]] void refuse(const std::string& place, const std::string& found) {
  throw input_error(
      place, found,
      "a tokenizer.json, a tokenizer.model of SentencePiece, or a table of characters "
      "(stoi, itos, chars) in JSON or a pickle");
}

found_tokenizer from_values(const plain_value& root, const std::string& place,
                            const std::string& from) {
  std::vector<std::string> unusable;
  std::vector<candidate> all = candidates_in(root, "", "the file");
  if (const auto* const map = root.as<plain_value::map>(); all.empty() && map != nullptr)
    for (const auto& [key, value] : *map)
      if (const auto* const name = key.as<std::string>())
        for (candidate& c : candidates_in(value, *name, "the file")) all.push_back(std::move(c));
  if (all.empty() && characters_of(root)) all.push_back({"", "the file", &root});
  auto found = from_candidates(all, place, unusable);
  if (!found) refuse(place, unusable.empty() ? "no table of tokens" : unusable.front());
  found->from = from;
  return *std::move(found);
}

found_tokenizer read_json(std::string_view text, const std::string& place, const std::string& from,
                          const std::string& file) {
  json all;
  try {
    all = parse_json(text, {.depth = 32, .unique_keys = true});
  } catch (const json_error& e) {
    throw input_error(place, "no usable JSON (" + std::string(e.what()) + ")", "a tokenizer");
  }
  if (all.is_object() && all.contains("model") && all["model"].is_object())
    return from_tokenizer_json(std::move(all), from, file);
  return from_values(plain(all), place, from);
}

found_tokenizer read(const std::filesystem::path& file, const std::string& from) {
  const std::string place = file.string(), name = file.filename().string();
  const mapped_file mapped(file);
  std::string_view bytes(reinterpret_cast<const char*>(mapped.bytes().data()),
                         mapped.bytes().size());
  if (bytes.size() > largest_file)
    refuse(place, std::to_string(bytes.size()) + " bytes, more than 64 MiB");
  if (bytes.starts_with(utf8_mark)) bytes.remove_prefix(utf8_mark.size());
  const std::size_t begin = bytes.find_first_not_of(" \t\r\n");
  if (begin == bytes.npos) refuse(place, "no contents");
  if (bytes[begin] == '{' || bytes[begin] == '[') return read_json(bytes, place, from, name);
  if (bytes[0] == '\x80') {
    const pickle::document document = pickle::read(mapped.bytes(), place);
    return from_values(pickled_values(document).plain(document.root), place, from);
  }
  if (bytes[0] == '\n') return made(tokenizer::sentencepiece, std::string(bytes), from);
  refuse(place, "something else");
}

// A whole file among the values: what it was called, and where.
struct kept_file {
  std::string place;
  std::string_view bytes;
  std::string holder = {};               // as of a candidate
  std::vector<std::string> others = {};  // what else the holder has
};

std::string place_of(const std::string& name, const std::string& where) {
  return "'" + name.substr(0, 64) + "' (" + where + ")";
}

void take_file(const plain_value& value, const std::string& place, std::vector<kept_file>& to) {
  if (const auto* const bytes = value.as<plain_value::bytes>()) to.push_back({place, bytes->data});
  if (const auto* const text = value.as<std::string>(); text != nullptr && text->starts_with('{'))
    to.push_back({place, *text});
}

// Bytes and texts under names of tokenizers, and in objects with such a name, two levels down.
void collect_files(const plain_value& value, const std::string& name, const std::string& where,
                   bool about_tokens, int depth, std::vector<kept_file>& to) {
  about_tokens = about_tokens || is_about_tokens(name);
  if (about_tokens) take_file(value, place_of(name, where), to);
  const auto* const items = value.as<plain_value::map>();
  if (items == nullptr || depth == 2) return;
  const std::string inside = depth == 0 ? "'" + name.substr(0, 64) + "' in " + where : where;
  const std::size_t first = to.size();
  std::vector<std::string> others;
  for (const auto& [key, one] : *items)
    if (const auto* const word = key.as<std::string>()) {
      const std::size_t before = to.size();
      collect_files(one, *word, inside, about_tokens, depth + 1, to);
      const bool small = to.size() > before && to.back().bytes.size() < least_file;
      if (small) to.pop_back();
      if (to.size() == before && others.size() < 64) others.push_back(place_of(*word, inside));
    }
  if (depth == 0 && is_about_tokens(name) && to.size() > first) {
    to[first].holder = place_of(name, where);
    to[first].others = std::move(others);
  }
}

// Of a file of SentencePiece, and of a tokenizer.json; nothing where it is neither.
std::optional<found_tokenizer> from_kept(const kept_file& file, const std::string& place) {
  if (file.bytes.size() < least_file || file.bytes.size() > largest_file) return std::nullopt;
  if (file.bytes[0] == '\n')
    return made(tokenizer::sentencepiece, std::string(file.bytes), file.place);
  if (file.bytes[0] != '{' || file.bytes.find("\"model\"") == file.bytes.npos) return std::nullopt;
  return read_json(file.bytes, place, file.place, file.place);
}

// Of the place of an error: what is behind the name of the file.
std::string without_file(const std::string& place, const std::string& file,
                         const std::string& from) {
  for (const std::string& name : {file, from})
    if (place.starts_with(name)) return place.substr(name.size());
  return {};
}

}  // namespace

found_tokenizer read_tokenizer_file(const std::filesystem::path& file) {
  return read(file, file.string());
}

std::optional<found_tokenizer> tokenizer_inside(const std::vector<beside_value>& values,
                                                std::uint64_t tokens, const std::string& place,
                                                std::vector<std::string>& unusable) {
  std::vector<candidate> all;
  std::vector<plain_value> parsed;  // of metadata, whose values are strings
  parsed.reserve(values.size());
  for (const beside_value& v : values) {
    const auto* const text = v.value.as<std::string>();
    const plain_value* value = &v.value;
    if (text != nullptr && text->starts_with('{'))
      value = &parsed.emplace_back(parse_plain_object(*text));
    for (candidate& c : candidates_in(*value, v.name, v.where))
      if (!is_name(c, tokens)) all.push_back(std::move(c));
  }
  return from_candidates(all, place, unusable);
}

std::optional<found_tokenizer> tokenizer_kept(const std::vector<beside_value>& values,
                                              const std::string& place,
                                              std::vector<std::string>& unusable) {
  std::vector<kept_file> files;
  for (const beside_value& v : values) collect_files(v.value, v.name, v.where, false, 0, files);
  std::optional<found_tokenizer> result;
  for (const kept_file& file : files) try {
      std::optional<found_tokenizer> one = from_kept(file, place);
      if (!one) continue;
      if (result && *result->definition != *one->definition)
        throw input_error(place, "other tokens in " + file.place + " than in " + result->from,
                          "the same", "--tokenizer FILE, or --tokenizer ids");
      if (!result) result = std::move(one);
      result->used.push_back(file.place);
      if (!file.holder.empty()) result->used.push_back(file.holder);
      result->not_used.insert(result->not_used.end(), file.others.begin(), file.others.end());
    } catch (const error& e) {
      if (result) throw;
      unusable.push_back(file.place + ": " + e.found() + (e.hint().empty() ? "" : "; " + e.hint()));
    }
  return result;
}

std::optional<found_tokenizer> tokenizer_beside(const std::filesystem::path& checkpoint,
                                                std::vector<std::string>& unusable) {
  for (const char* const name :
       {"tokenizer.json", "tokenizer.model", "meta.pkl", "vocab.json", "stoi.json", "chars.json"}) {
    const std::filesystem::path file = checkpoint.parent_path() / name;
    std::error_code failed;
    if (!std::filesystem::is_regular_file(file, failed)) continue;
    const std::string from = std::string(name) + " beside the file";
    try {
      return read(file, from);
    } catch (const error& e) {
      unusable.push_back(from + without_file(e.place(), file.string(), from) + ": " + e.found() +
                         (e.hint().empty() ? "" : "; " + e.hint()));
    }
  }
  return std::nullopt;
}

}  // namespace bdh
