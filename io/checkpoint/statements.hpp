// What is stated about a model outside its tensors: by the checkpoint itself, by a config.json
// beside it, by options. Internal to the importer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/checkpoint/tensor_file.hpp"

namespace bdh {

struct statements {
  std::vector<statement> inside, beside;
};

// The numbers of a config.json in the folder of the checkpoint; none where there is none. Throws
// input_error.
std::vector<statement> read_config(const std::filesystem::path& checkpoint);

using statement_keys = std::span<const std::string_view>;

// The one statement with one of these keys, or nothing. Two that differ are an input_error.
const statement* find_statement(const std::string& place, const std::vector<statement>& among,
                                statement_keys wanted);

struct resolved_number {
  double value;
  std::string from;
};

// A number that tensors do not show. An option may not contradict the file (input_error); it
// overrides a config.json, which may be another model's.
std::optional<resolved_number> resolve_statement(const std::string& place, const statements& known,
                                                 statement_keys wanted, const char* option,
                                                 const std::optional<double>& given);

// Throws input_error where a statement is not `actual`, which the tensors show.
void cross_check(const std::string& place, const statements& known, statement_keys wanted,
                 std::uint64_t actual, const std::string& shown_by);

}  // namespace bdh
