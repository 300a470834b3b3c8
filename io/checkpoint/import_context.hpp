// One import: what is known about the checkpoint, and what is noted about it. Internal to the
// importer.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <bdh/import_checkpoint.hpp>

#include "io/checkpoint/configuration.hpp"
#include "io/checkpoint/layouts.hpp"
#include "io/checkpoint/tensor_file.hpp"

namespace bdh {

struct import_context {
  const tensor_file& file;
  const configuration& known;
  const import_options& options;
  const layout_match& match;
  std::vector<std::string> lines = {};    // what was inferred or assumed
  std::vector<std::string> remarks = {};  // of these, what may be a mistake
  std::vector<std::string> not_used = {};
  std::vector<std::string> used = {};  // of what configuration::not_used lists

  template <class... A>
  void note(fmt::format_string<A...> format, A&&... arguments) {
    lines.push_back(fmt::format(format, std::forward<A>(arguments)...));
  }
  template <class... A>
  void remark(fmt::format_string<A...> format, A&&... arguments) {
    remarks.push_back(fmt::format(format, std::forward<A>(arguments)...));
    lines.push_back(remarks.back());
  }
  void leave(const statement& s) { not_used.push_back("'" + s.key + "' (" + s.where + ")"); }
};

inline const char* name(pairing p) noexcept {
  return p == pairing::interleaved ? "interleaved" : "half-split";
}

// ---- io/checkpoint/import_statements.cpp

// Throws where configurations contradict the tensors or each other (input_error), or state a
// computation that this program does not have (unavailable_error).
void check_statements(import_context& c);
// Every pass through the stack counts its layers once more. Throws input_error.
layer_id layers_of(import_context& c);
// Throws unavailable_error where each layer is to have weights of its own and the file has one set.
void check_shared_layers(const import_context& c, layer_id layers);
// A decay of scores with distance as the factor of a token. Throws input_error.
double retention_of(import_context& c);
std::uint64_t training_window_of(import_context& c);  // 0: not known
pairing pairing_of(const import_context& c);          // throws input_error

// ---- io/checkpoint/import_rotation.cpp

// From the file's table, or from theta. `window`: tokens; 0: not known. Throws input_error.
rotation rotation_of(import_context& c, pairing pairs, std::uint64_t window);

// ---- io/checkpoint/import_tokenizer.cpp

struct chosen_tokenizer {
  tokenizer kind = tokenizer::ids;
  std::shared_ptr<const std::string> definition;
};

// By the options; from the file; beside it; bytes where there are 256 tokens. Throws input_error,
// unavailable_error.
chosen_tokenizer tokenizer_of(import_context& c);

}  // namespace bdh
