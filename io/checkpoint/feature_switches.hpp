// Keys that switch a part of a model on or off apart from the keys with its values: use_alibi
// beside alibi_slope, sliding_window_enabled beside sliding_window. Internal to the importer.
#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/checkpoint/plain_value.hpp"

namespace bdh {

struct configuration;

// A part of a model that the released code does not have: off is as if its keys were not there.
enum class feature : std::uint8_t {
  none,
  // These are computed, or refused, by their values.
  alibi,
  decay,
  half_life,
  sliding_window,
  passes,
  history,
  // These are refused where they are on.
  rope_scaling,
  experts,
  low_rank,
  adapters,
  memory,
  registers,
  sparse,
  threshold,
  score_softcap,
  logit_softcap,
  adaptive_depth,
  early_exit,
  loops,
  retention,
  damping,
  forgetting,
  state_decay,
  quantization
};

// The part whose value a key states, in whatever way its words are joined.
feature feature_of_key(std::string_view key);

// use_X, enable_X, with_X, X_enabled; and, which say the opposite, no_X, disable_X, X_disabled.
struct feature_switch {
  feature of = feature::none;
  bool inverted = false;
};
feature_switch switch_of_key(std::string_view key);

// A switch in a configuration.
struct switch_statement {
  feature of = feature::none;
  bool on = false;
  std::string key, shown;   // "attention.use_alibi", "true"
  std::string where, path;  // "'config' in the file", "attention."
  bool inside = false;      // in the checkpoint itself, not beside it
};

// The switch that a key with this value is, or nothing. No value, which Python calls None, is off.
std::optional<switch_statement> switch_with_value(const std::string& key, const plain_value& v);

// A refusal of a value, which counts unless a switch says that its part is off.
struct held_refusal {
  feature of = feature::none;
  std::string key, shown, where, path;
  std::exception_ptr why;
};

// What a file's configurations switch on and off.
class switch_board {
 public:
  explicit switch_board(const std::string& place) : place_(place) {}  // must outlive it

  void add(switch_statement s);  // throws input_error where there are too many
  void hold(held_refusal refusal) { held_.push_back(std::move(refusal)); }

  // Switches that are off take the statements of their part away, in their own object and below,
  // and the refusals: configuration::switched_off names them. Throws what is held otherwise;
  // input_error where switches and values contradict each other; unavailable_error for a part that
  // is switched on and has no value, or one that is not computed here.
  void apply(configuration& to) const;

 private:
  const switch_statement* off_switch(feature of, const std::string& where,
                                     const std::string& path) const;
  void expect_agreement() const;
  void take_away(configuration& from) const;
  void expect_none(const switch_statement& off, const configuration& known) const;
  void expect_value(const switch_statement& on, const configuration& known) const;

  const std::string& place_;
  std::vector<switch_statement> switches_;
  std::vector<held_refusal> held_;
};

}  // namespace bdh
