#include "io/text/pre_tokenizer.hpp"

#include <memory>
#include <utility>

#include <bdh/error.hpp>

#include "io/text/normalizer.hpp"
#include "io/text/pattern.hpp"
#include "io/text/read_pattern.hpp"
#include "io/text/settings.hpp"
#include "io/text/unicode.hpp"

namespace bdh::text {
namespace {

using words = std::vector<word>;
using step = std::function<words(words)>;
using shared_pattern = std::shared_ptr<const pattern>;

// GPT-2's, for ByteLevel.
constexpr const char* gpt2_words =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

void append_parts(const word& whole, const pattern& by, bool inverted, delimiter how, words& to) {
  for (const std::string_view part : split(whole.utf8, by, inverted, how))
    to.push_back({std::string(part), whole.begins_text && part.data() == whole.utf8.data()});
}

step splitting(shared_pattern by, delimiter how, bool inverted = false) {
  return [=](words all) {
    words parts;
    parts.reserve(all.size());
    for (const word& one : all) append_parts(one, *by, inverted, how, parts);
    return parts;
  };
}

step byte_level(const settings& s) {
  s.expect_only({"add_prefix_space", "trim_offsets", "use_regex"});
  const bool prefix = s.flag("add_prefix_space");
  const shared_pattern by =
      s.flag_or("use_regex", true) ? regular_expression(gpt2_words, s.place()) : nullptr;
  return [=](words all) {
    words parts;
    for (word& one : all) {
      if (prefix && !one.utf8.starts_with(' ')) one.utf8.insert(0, " ");
      if (by != nullptr)
        append_parts(one, *by, false, delimiter::isolated, parts);
      else
        parts.push_back(std::move(one));
    }
    for (word& one : parts) one.utf8 = characters_of_bytes(one.utf8);
    return parts;
  };
}

enum class prepend { first, never, always };

prepend scheme_of(const settings& s) {
  const std::string name = s.text_if_any("prepend_scheme").value_or("always");
  const bool spaces = s.flag_or("add_prefix_space", true);
  if (name == "never" || name == "first" || name == "always") {
    if (!spaces && name != "never")
      throw input_error(s.at("add_prefix_space"), "false, and the prepend_scheme " + name,
                        "the prepend_scheme never");
    if (name == "never") return prepend::never;
    return name == "first" ? prepend::first : prepend::always;
  }
  throw input_error(s.at("prepend_scheme"), "'" + name.substr(0, 64) + "'",
                    "first, never or always");
}

step metaspace(const settings& s, bool first_is_known) {
  s.expect_only({"replacement", "prepend_scheme", "add_prefix_space", "split", "str_rep"});
  std::string mark;
  append_utf8(s.character("replacement"), mark);
  const prepend scheme = scheme_of(s);
  if (scheme == prepend::first && !first_is_known)
    throw unavailable_error(
        s.at("prepend_scheme"), "first, behind what changes the places of characters",
        "first of all that splits, and a normalizer that replaces single characters at most");
  const bool parted = s.flag_or("split", true);
  const shared_pattern space = literal(" "), by = literal(mark);
  return [=](words all) {
    words parts;
    for (word& one : all) {
      one.utf8 = replace(one.utf8, *space, mark);
      const bool wanted =
          scheme == prepend::always || (scheme == prepend::first && one.begins_text);
      if (wanted && !one.utf8.starts_with(mark)) one.utf8.insert(0, mark);
      if (parted)
        append_parts(one, *by, false, delimiter::merged_with_next, parts);
      else
        parts.push_back(std::move(one));
    }
    return parts;
  };
}

delimiter behaviour_of(const settings& s, const char* otherwise) {
  const std::string name = s.text_if_any("behavior").value_or(otherwise);
  if (name == "Removed") return delimiter::removed;
  if (name == "Isolated") return delimiter::isolated;
  if (name == "MergedWithPrevious") return delimiter::merged_with_previous;
  if (name == "MergedWithNext") return delimiter::merged_with_next;
  if (name == "Contiguous") return delimiter::contiguous;
  throw input_error(s.at("behavior"), "'" + name.substr(0, 64) + "'",
                    "Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
}

step fixed_length(const settings& s) {
  s.expect_only({"length"});
  const std::uint64_t length = s.find("length") == nullptr ? 5 : s.count("length", 1u << 20);
  if (length == 0) throw input_error(s.at("length"), "0", "1 to 1048576");
  return [=](words all) {
    words parts;
    for (const word& one : all) {
      std::uint64_t characters = 0;
      for_each_character(one.utf8, [&](char32_t, std::string_view bytes) {
        if (characters++ % length == 0) parts.push_back({{}, one.begins_text && characters == 1});
        parts.back().utf8 += bytes;
      });
    }
    return parts;
  };
}

// Those that split at characters of one class, and know no setting but "behavior".
step at_characters(const settings& s, const std::string& type) {
  if (type == "Digits") {
    s.expect_only({"individual_digits"});
    return splitting(character_class(is_numeric),
                     s.flag("individual_digits") ? delimiter::isolated : delimiter::contiguous);
  }
  if (type == "Punctuation") {
    s.expect_only({"behavior"});
    return splitting(character_class(is_punctuation), behaviour_of(s, "Isolated"));
  }
  if (type == "CharDelimiterSplit") {
    s.expect_only({"delimiter"});
    std::string at;
    append_utf8(s.character("delimiter"), at);
    return splitting(literal(at), delimiter::removed);
  }
  s.expect_only({});
  if (type == "Whitespace") return splitting(words_and_symbols(), delimiter::removed, true);
  return splitting(character_class(is_white_space), delimiter::removed);
}

step at_pattern(const settings& s) {
  s.expect_only({"pattern", "behavior", "invert"});
  s.member("behavior");
  return splitting(read_pattern(s), behaviour_of(s, ""), s.flag("invert"));
}

}  // namespace

pre_tokenizer::pre_tokenizer(const nlohmann::json& value, const std::string& place,
                             bool places_kept) {
  if (!value.is_null()) add(value, place, places_kept);
}

void pre_tokenizer::add(const nlohmann::json& value, const std::string& place, bool places_kept) {
  const settings s(value, place);
  const std::string type = s.text("type");
  if (type == "Sequence") {
    s.expect_only({"pretokenizers"});
    std::size_t k = 0;
    for (const nlohmann::json& one : s.list("pretokenizers"))
      add(one, s.at("pretokenizers") + "[" + std::to_string(k++) + "]", places_kept);
  } else if (type == "ByteLevel") {
    steps_.push_back(byte_level(s));
  } else if (type == "Metaspace") {
    steps_.push_back(metaspace(s, places_kept && steps_.empty()));
  } else if (type == "Split") {
    steps_.push_back(at_pattern(s));
  } else if (type == "FixedLength") {
    steps_.push_back(fixed_length(s));
  } else if (type == "BertPreTokenizer") {
    s.expect_only({});
    steps_.push_back(splitting(character_class(is_white_space), delimiter::removed));
    steps_.push_back(splitting(character_class(is_punctuation), delimiter::isolated));
  } else if (type == "Digits" || type == "Punctuation" || type == "CharDelimiterSplit" ||
             type == "Whitespace" || type == "WhitespaceSplit") {
    steps_.push_back(at_characters(s, type));
  } else {
    throw unavailable_error(s.place(), "the pre-tokenizer " + type.substr(0, 64),
                            "one that docs/files.md lists",
                            "import with --tokenizer ids to do without text");
  }
}

words pre_tokenizer::operator()(words all) const {
  for (const step& does : steps_) all = does(std::move(all));
  return all;
}

}  // namespace bdh::text
