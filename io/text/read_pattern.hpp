// Patterns as a tokenizer.json writes them: {"String": "..."} or {"Regex": "..."}.
#pragma once

#include <memory>
#include <string>

#include "io/text/pattern.hpp"
#include "io/text/settings.hpp"

namespace bdh::text {

// The member "pattern". Throws input_error.
std::shared_ptr<const pattern> read_pattern(const settings& from);

struct replacement_settings {
  std::shared_ptr<const pattern> what;
  std::string by;
  bool one_for_one = false;  // a character for a character
};

// The members "pattern" and "content". Throws input_error.
replacement_settings read_replacement(const settings& from);

}  // namespace bdh::text
