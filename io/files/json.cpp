#include "io/files/json.hpp"

#include <nlohmann/json.hpp>
#include <unordered_set>
#include <vector>

namespace bdh {
namespace {

using nlohmann::json;

// Throws json_error at the first fault: a recursive parser (CBOR) does not get deeper than that.
class json_guard final : public nlohmann::json_sax<json> {
 public:
  explicit json_guard(const json_limits& limits) : limits_(limits) {}

  bool null() override { return value(); }
  bool boolean(bool) override { return value(); }
  bool number_integer(number_integer_t) override { return value(); }
  bool number_unsigned(number_unsigned_t) override { return value(); }
  bool number_float(number_float_t, const string_t&) override { return value(); }
  bool string(string_t&) override { return value(); }
  bool binary(binary_t&) override { return value(); }
  bool start_object(std::size_t) override { return open(false); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(true); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    if (limits_.unique_keys && !open_.back().keys.insert(name).second)
      throw json_error(json_fault::repeated_key, name);
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& e) override {
    throw json_error(json_fault::syntax, e.what());
  }

 private:
  struct level {
    bool array = false;
    std::size_t values = 0;
    std::unordered_set<std::string> keys;
  };

  bool value() {
    if (!open_.empty() && open_.back().array && ++open_.back().values > limits_.array_values)
      throw json_error(json_fault::array_values, "a long array");
    return true;
  }
  bool open(bool array) {
    if (open_.size() == limits_.depth) throw json_error(json_fault::depth, "nested values");
    open_.emplace_back().array = array;
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  const json_limits& limits_;
  std::vector<level> open_;
};

}  // namespace

std::string json_text(const json& value, int indent, bool ascii) {
  return value.dump(indent, ' ', ascii, json::error_handler_t::replace);
}

std::string json_text(const nlohmann::ordered_json& value, int indent, bool ascii) {
  return value.dump(indent, ' ', ascii, nlohmann::ordered_json::error_handler_t::replace);
}

json parse_json(std::string_view text, const json_limits& limits) {
  json_guard guard(limits);
  json::sax_parse(text, &guard);
  return json::parse(text);
}

json parse_cbor(std::span<const std::uint8_t> bytes, const json_limits& limits) {
  json_guard guard(limits);
  json::sax_parse(bytes.begin(), bytes.end(), &guard, json::input_format_t::cbor);
  try {
    return json::from_cbor(bytes.begin(), bytes.end());
  } catch (const json::exception& e) {
    throw json_error(json_fault::syntax, e.what());
  }
}

}  // namespace bdh
