// Text as tokens and back: the tokens that the reference libraries give (tests/data/tokenizers,
// written by tests/tools/make_tokenizers.py), texts in pieces, and what is refused.
#include "io/text/vocabulary.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include <bdh/error.hpp>

#include "io/text/characters.hpp"

using namespace bdh;
using nlohmann::json;

namespace {

const std::string folder = BDH_SOURCE_DIR "/tests/data/tokenizers/";

std::string contents(const std::string& name) {
  std::ifstream file(folder + name, std::ios::binary);
  REQUIRE_MESSAGE(file, name);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::unique_ptr<const vocabulary> read(const std::string& name) {
  return make_vocabulary(
      name.ends_with(".json") ? tokenizer::tokenizer_json : tokenizer::sentencepiece,
      contents(name), name);
}

std::string decoded(const vocabulary& by, const std::vector<token_id>& ids) {
  const auto decoder = by.decoder(true);
  std::string text;
  for (const token_id id : ids) text += decoder->add(id);
  return text + decoder->finish();
}

// The tokens and what they stand for, of every text of the reference.
void check_against_reference(const std::string& name) {
  const auto by = read(name);
  const json expected = json::parse(contents("expected.json"));
  for (const json& one : expected[name]) {
    if (!one.contains("text")) continue;
    const std::string text = one["text"];
    CAPTURE(name);
    CAPTURE(text);
    const std::vector<token_id> ids = encoded(*by, text, "text");
    CHECK(json(ids) == one["ids"]);
    CHECK(decoded(*by, ids) == one["decoded"].get<std::string>());
  }
}

void check_refused(tokenizer kind, const std::string& definition, const std::string& message) {
  try {
    make_vocabulary(kind, definition, "t");
    FAIL(message);
  } catch (const error& e) {
    CHECK(std::string(e.what()) == message);
  }
}

// The tokenizer of the file with one part in place of its own.
std::string changed(const char* part, const char* value) {
  json all = json::parse(contents("byte_level.json"));
  all[json::json_pointer(part)] = json::parse(value);
  return all.dump();
}

}  // namespace

TEST_CASE("tokens are those of the reference libraries") {
  for (const char* name :
       {"byte_level.json", "split_by_expression.json", "word_pieces.json", "byte_fallback.json"})
    check_against_reference(name);
}

TEST_CASE("tokens of SentencePiece") {
  try {
    read("unigram.model");
  } catch (const unavailable_error& e) {
    MESSAGE("skipped: SentencePiece: " << e.what());
    return;
  }
  check_against_reference("unigram.model");
  check_against_reference("bpe.model");
}

TEST_CASE("a text in pieces has the tokens of the whole, and comes back as its bytes") {
  const auto characters = make_vocabulary(
      tokenizer::characters, R"({"characters":["a","é","\n",null,"<pad>","神"]})", "t");
  const auto bytes = make_vocabulary(tokenizer::bytes, "", "t"),
             json_bytes = read("byte_level.json");
  const std::string text = "aé\n神aa";
  for (const auto* by : {&characters, &bytes, &json_bytes}) {
    const std::vector<token_id> whole = encoded(**by, text, "text");
    std::vector<token_id> parts;
    const auto encoder = (*by)->encoder("text");
    for (const char c : text) encoder->add({&c, 1}, parts);
    encoder->finish(parts);
    CHECK(parts == whole);
    CHECK(decoded(**by, whole) == text);
  }
  CHECK(encoded(*characters, text, "text") == std::vector<token_id>{0, 1, 2, 5, 0, 0});
  CHECK(characters->tokens() == 5);
  CHECK(characters->largest_token() == 5);
  CHECK(characters->text_of(4) == "<pad>");
  CHECK(characters->text_of(3) == "");
  CHECK(characters->text_of(99) == "");
}

TEST_CASE("what has no token is an error that names it") {
  const auto by = make_vocabulary(tokenizer::characters, R"({"characters":["a","é"]})", "t");
  const auto message = [&](const vocabulary& v, const std::string& text) -> std::string {
    try {
      encoded(v, text, "--text");
    } catch (const input_error& e) {
      return e.what();
    }
    return "none";
  };
  const std::string rest =
      ", expected one of the 2 characters that the model knows; bdh info "
      "MODEL --json lists them";
  CHECK(message(*by, "aé§") == "--text, byte 3: '§' (U+00A7)" + rest);
  CHECK(message(*by, "a\n") == "--text, byte 1: U+000A" + rest);
  CHECK(message(*by, "a\xff") == "--text, byte 1: no UTF-8" + rest);
  CHECK(message(*by, "a\xc3") == "--text, byte 1: the beginning of a character" + rest);
  CHECK(message(*read("byte_level.json"), "a\xff").starts_with("--text, byte 1: no UTF-8"));
}

TEST_CASE("what is not computed here is refused by its name") {
  const auto refused = [&](const char* part, const char* value, const std::string& message) {
    check_refused(tokenizer::tokenizer_json, changed(part, value), message);
  };
  const std::string listed =
      ", expected one that docs/files.md lists; import with --tokenizer ids to do without text";
  refused("/normalizer", R"({"type":"Precompiled"})",
          "t/normalizer: the normalizer Precompiled" + listed);
  refused("/pre_tokenizer", R"({"type":"UnicodeScripts"})",
          "t/pre_tokenizer: the pre-tokenizer UnicodeScripts" + listed);
  refused("/decoder", R"({"type":"CTC"})", "t/decoder: the decoder CTC" + listed);
  refused("/model/type", R"("Unigram")",
          "t/model: the model Unigram, expected BPE, WordPiece or WordLevel; give the "
          "tokenizer.model of SentencePiece");
  refused("/model/dropout", "0.1",
          "t/model/dropout: 0.1, expected none: with it, a text has other tokens each time; set it "
          "to null in the file");
  refused("/pre_tokenizer/shuffle", "true",
          "t/pre_tokenizer/shuffle: true, expected no setting that this program does not know");
  refused("/model/vocab/x", "1.5", "t/model/vocab/x: 1.5, expected an id, 0 to 16777215");
  refused("/model/merges/0", R"(["nowhere","x"])",
          R"(t/model/merges[0]: ["nowhere","x"], expected two tokens of the vocabulary whose )"
          "merger is one");
}

TEST_CASE("hostile definitions") {
  for (const tokenizer kind : {tokenizer::tokenizer_json, tokenizer::characters})
    for (const std::string& text :
         {std::string(), std::string("{"), std::string("[1]"), std::string(100000, '['),
          std::string(R"({"characters":[]})"), std::string(R"({"characters":["a","a"]})"),
          std::string(R"({"model":{"type":"BPE","vocab":{},"merges":[]}})"),
          std::string(R"({"model":{"type":"BPE","vocab":{"a":0,"a":1},"merges":[]}})")})
      CHECK_THROWS_AS(make_vocabulary(kind, text, "t"), error);
  CHECK_THROWS_AS(make_vocabulary(tokenizer::tokenizer_json,
                                  changed("/pre_tokenizer", R"({"type":"Split","behavior":
                                  "Isolated","invert":false,"pattern":{"Regex":"(((("}})"),
                                  "t"),
                  input_error);
  const std::string model = contents("bpe.model");
  for (std::size_t size = 0; size < model.size(); size += 97) try {
      make_vocabulary(tokenizer::sentencepiece, model.substr(0, size), "t");
    } catch (const error&) {
    }
}

TEST_CASE("a model of SentencePiece whose pieces its library would cut off") {
  // Two pieces: "<unk>", of type unknown, and one of three bytes.
  const auto with_piece = [](const char(&piece)[4]) {
    const std::string unknown("\x0a\x0e\x0a\x05<unk>\x15\0\0\0\0\x18\x02", 16);
    return unknown + "\x0a\x05\x0a\x03" + std::string(piece, 3);
  };
  try {
    CHECK(make_vocabulary(tokenizer::sentencepiece, with_piece("abc"), "t")->text_of(1) == "abc");
    for (const std::string& model : {with_piece("\0bc"), with_piece("ab\0")})
      check_refused(tokenizer::sentencepiece, model,
                    "t: a piece with a zero byte, expected a tokenizer.model of SentencePiece");
  } catch (const unavailable_error& e) {
    MESSAGE("skipped: SentencePiece: " << e.what());
  }
}

TEST_CASE("lists of characters") {
  std::string why;
  CHECK(character_definition({{0, "a"}, {2, "<unk>"}}, why) ==
        R"({"characters":["a",null,"<unk>"]})");
  CHECK_FALSE(character_definition({{0, "the"}, {1, "a"}}, why));
  CHECK(why == "'the' is not one character, and how text is split into words is not known");
  CHECK_FALSE(character_definition({{0, "a"}, {1, "a"}}, why));
  CHECK(why == "'a' has the ids 0 and 1");
  CHECK_FALSE(character_definition({}, why));
}

TEST_CASE("long words are no quadratic work") {
  const auto by = read("byte_level.json"), fallback = read("byte_fallback.json");
  const std::string text(1 << 20, 'a');
  CHECK(encoded(*by, text, "text").size() > 1000);
  CHECK(encoded(*fallback, text, "text").size() > 1000);
  CHECK(encoded(*read("word_pieces.json"), text, "text").size() == 1);
}
