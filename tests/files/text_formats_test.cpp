// Texts in CSV and JSON.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include <bdh/error.hpp>

#include "io/files/csv.hpp"
#include "io/files/json.hpp"
#include "io/files/text_start.hpp"

using namespace bdh;

namespace {

json_fault fault_of(std::string_view text, const json_limits& limits) {
  try {
    parse_json(text, limits);
  } catch (const json_error& e) {
    return e.fault();
  }
  FAIL("accepted: " << text);
  return json_fault::syntax;
}

json_fault fault_of_cbor(const nlohmann::json& value, const json_limits& limits) {
  try {
    parse_cbor(nlohmann::json::to_cbor(value), limits);
  } catch (const json_error& e) {
    return e.fault();
  }
  FAIL("accepted: " << value);
  return json_fault::syntax;
}

}  // namespace

TEST_CASE("any text fits on one line of a CSV file") {
  CHECK(csv_field("plain") == "\"plain\"");
  CHECK(csv_field("a\"b,c") == "\"a\"\"b,c\"");
  CHECK(csv_field("a\nb\r\t\\") == "\"a\\nb\\r\\t\\\\\"");
  CHECK(csv_field(std::string("\0\x7f\xff", 3)) == "\"\\x00\\x7f\\xff\"");
  CHECK(csv_field("ä€😀") == "\"ä€😀\"");
  CHECK(csv_field("\xc3") == "\"\\xc3\"");
  CHECK(csv_field("\xed\xa0\x80") == "\"\\xed\\xa0\\x80\"");
  CHECK(csv_field("\xc0\xaf") == "\"\\xc0\\xaf\"");
}

TEST_CASE("quotes, always or where they are needed") {
  CHECK(csv_quoted("a\"b") == "\"a\"\"b\"");
  CHECK(csv_quoted_if_needed("plain") == "plain");
  CHECK(csv_quoted_if_needed("a,b") == "\"a,b\"");
  CHECK(csv_quoted_if_needed("a\"b") == "\"a\"\"b\"");
}

TEST_CASE("JSON is read within its limits") {
  const json_limits limits{.depth = 2, .array_values = 3, .unique_keys = true};
  CHECK(parse_json(R"({"a": [1, 2, 3], "b": {"a": 1}})", limits)["a"].size() == 3);
  CHECK(fault_of(R"({"a": [[]]})", limits) == json_fault::depth);
  CHECK(fault_of(R"({"a": [1, 2, 3, 4]})", limits) == json_fault::array_values);
  CHECK(fault_of(R"({"a": 1, "a": 2})", limits) == json_fault::repeated_key);
  CHECK(fault_of(R"({"a": )", limits) == json_fault::syntax);
  CHECK(fault_of("{\"a\": \"\xff\"}", limits) == json_fault::syntax);
  CHECK(fault_of(std::string(100000, '['), {}) == json_fault::depth);
  CHECK(parse_cbor(nlohmann::json::to_cbor({{"a", 1}}), {.depth = 1})["a"] == 1);
  CHECK(fault_of_cbor({{"a", {{"b", 1}}}}, {.depth = 1}) == json_fault::depth);
}

TEST_CASE("JSON as text takes any bytes") {
  nlohmann::ordered_json value{{"file", "caf\xe9.h5"}, {"a", "\xc3\xa4"}};
  CHECK(json_text(value) == "{\"file\":\"caf\xef\xbf\xbd.h5\",\"a\":\"\xc3\xa4\"}");
  CHECK(json_text(value, 1) == "{\n \"file\": \"caf\xef\xbf\xbd.h5\",\n \"a\": \"\xc3\xa4\"\n}");
  CHECK(json_text(nlohmann::json(value), -1, true) ==
        "{\"a\":\"\\u00e4\",\"file\":\"caf\\ufffd.h5\"}");
}

TEST_CASE("a byte order mark of UTF-8 is no text, and those of others are refused") {
  using namespace std::string_view_literals;
  const auto refusal = [](std::string_view text) -> std::string {
    try {
      without_byte_order_mark(text, "f");
    } catch (const input_error& e) {
      return e.what();
    }
    return "";
  };
  for (const std::string_view text : {""sv, "a"sv, "\xef\xbb"sv, "abc"sv, "\xef\xbbz"sv,
                                      "\xff\xfd"sv, "a\0"sv, "a\0b"sv, "\0\0\0\0"sv}) {
    CHECK(without_byte_order_mark(text, "f") == text);
    CHECK(byte_order_mark(text, "f") == 0);
  }
  CHECK(without_byte_order_mark("\xef\xbb\xbf", "f") == "");
  CHECK(without_byte_order_mark("\xef\xbb\xbf\xef\xbb\xbfx", "f") == "\xef\xbb\xbfx");
  for (const std::string_view text : {"\xff\xfe"sv, "\xff\xfe\x41\0"sv, "\xfe\xff"sv})
    CHECK(refusal(text) ==
          "f: text in UTF-16, expected UTF-8; iconv -f UTF-16 -t UTF-8 FILE > NEW converts it");
  for (const std::string_view text : {"\xff\xfe\0\0"sv, "\0\0\xfe\xff"sv})
    CHECK(refusal(text).starts_with("f: text in UTF-32, expected UTF-8; "));
  CHECK(refusal("a\0b\0"sv).starts_with("f: text in UTF-16LE, expected UTF-8; "));
  CHECK(refusal("\0a\0b"sv).starts_with("f: text in UTF-16BE, expected UTF-8; "));
  for (const std::string_view start :
       {""sv, "\xef"sv, "\xef\xbb"sv, "\xff"sv, "\xff\xfe"sv, "\xfe"sv, "\0"sv, "\0\0\xfe"sv})
    CHECK(may_become_mark(start));
  for (const std::string_view start : {"a"sv, "\xef\xbb\xbf"sv, "\xef\xbb\xbe"sv, "\xfe\xff"sv,
                                       "\0\0\xfe\xff"sv, "\xff\xfe\0\0"sv, "\0a"sv})
    CHECK_FALSE(may_become_mark(start));
}
