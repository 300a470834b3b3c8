// Texts in CSV and JSON.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "io/files/csv.hpp"
#include "io/files/json.hpp"

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
