// The options of a model that learns while it reads, and the model that it becomes.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include <bdh/engine.hpp>
#include <bdh/ids.hpp>

#include "apps/common/command_line.hpp"
#include "io/files/sha256.hpp"

namespace bdh {
class model;
class simulator;
}  // namespace bdh

namespace bdh::app {

struct engine_choice;

struct learning_choice {
  std::optional<double> rate;  // --learn, or --rate: nothing learns without
  std::optional<std::string> rule, only;
  std::optional<double> back;
  bool plain = false;
  std::string save_model;  // file; empty: none

  // `rate_option`: the name of the option for the rate.
  void add_to(command_line& command, const std::string& rate_option);
  bool given() const noexcept { return rate.has_value(); }
  // Throws usage_error for what does not fit each other, or this way of computing.
  void check(const engine_choice& engine) const;
  // Throws usage_error for circuits that are none.
  learning how() const;
};

nlohmann::json learning_description(const learning& how);  // for run.json
// The choice of such a description. Throws input_error naming `place`.
learning_choice described_learning(const nlohmann::json& description, const std::string& place);

// The text from which weights were learned, and the model that holds them.
class learned_text {
 public:
  void add(const model& m, token_id token);  // of the input, in order
  // Writes the model with its provenance; returns its content hash. Throws input_error where the
  // file is there, unless it may be overwritten.
  std::string save_model(const simulator& brain, const std::string& file, bool overwrite) const;

 private:
  sha256 sum_;
};

}  // namespace bdh::app
