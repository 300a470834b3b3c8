// What is stated about a model outside its tensors: by configurations in the checkpoint, by a
// config.json beside it. Every key is used, known to be harmless, listed as not used, or the model
// is refused because of it. Internal to the importer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/checkpoint/configuration_keys.hpp"
#include "io/checkpoint/feature_switches.hpp"
#include "io/checkpoint/tensor_file.hpp"

namespace bdh {

// One number or flag (0 or 1) of a configuration.
struct statement {
  key_role role = key_role::unknown;
  std::string key;  // with those of the objects that it is in: "rope_parameters.rope_theta"
  double value = 0;
  std::string shown;    // the value as the file has it, for messages
  std::string where;    // "'config' in the file"
  bool inside = false;  // in the checkpoint itself, not beside it
  feature of = feature::none;
  std::string path;  // the objects alone: "rope_parameters."
};

struct configuration {
  std::vector<statement> statements;
  // What is of no use here: "'loss' ('config' in the file)"; and how many of these are keys of
  // configurations that are not known.
  std::vector<std::string> not_used;
  std::size_t unknown_keys = 0;
  // What a switch says to be off: "attention_decay 0.1 ('config' in the file) is off: use_decay
  // false".
  std::vector<std::string> switched_off;
};

// The object in a config.json in the folder of the file `place`, or nothing. Throws input_error.
std::optional<plain_value> read_config_beside(const std::string& place);

// Of the file, and of a config.json in its folder. Throws input_error: a key with a value that it
// cannot have; unavailable_error: a key that states a computation other than the released code's.
configuration read_configuration(const tensor_file& file);

// The statement of this role, of those inside the file or of those beside it; or nothing. Two that
// differ are an input_error.
const statement* find_statement(const std::string& place, const configuration& known, key_role role,
                                bool inside);

struct resolved_number {
  double value;
  std::string from;
};

// A number that tensors do not show. An option may not contradict the file (input_error); it
// overrides a config.json, which may be another model's.
std::optional<resolved_number> resolve_statement(const std::string& place,
                                                 const configuration& known, key_role role,
                                                 const char* option,
                                                 const std::optional<double>& given);

// Throws input_error where a statement is not `actual`, which the tensors show.
void cross_check(const std::string& place, const configuration& known, key_role role,
                 std::uint64_t actual, const std::string& shown_by);

}  // namespace bdh
