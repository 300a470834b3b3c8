// Values of configurations: as numbers, as texts, and compared with those that change nothing.
// Internal to the importer.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "io/checkpoint/plain_value.hpp"

namespace bdh {

// Of a number, or of a text that is one, as metadata have them. A flag is no number.
std::optional<double> number_of(const plain_value& v);

// Of true or false, of 1 or 0, or of a text that is one of these, yes, no, on or off.
std::optional<bool> flag_of(const plain_value& v);

// What says that there is none of something: false, or a text such as "off".
bool is_off(const plain_value& v);

// {"value": x}, with or without a "desc" that is a text, as Weights & Biases keeps keys, is x.
const plain_value& unwrapped(const plain_value& v);

// Python's None and JSON's null, also where a program wrote them as texts. The text "none" is a
// choice, and may mean much.
bool is_absent(const plain_value& v);

// In a message: short, and what it is where it is no plain value.
std::string shown_value(const plain_value& v);

// Whether it is one of these, '|' between them and in lower case; or absent; or a list of such; or
// an empty object.
bool is_usual(const plain_value& v, std::string_view usual);

}  // namespace bdh
