// The part of an engine that changes weights while a model reads: private copies of the model's
// weights, and what is kept of a token so that it can learn from the next one. The simulator drives
// it: teach(), the rounds of make_learning_plan, end().
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <bdh/engine.hpp>
#include <bdh/intervention.hpp>
#include <bdh/model.hpp>
#include <bdh/state.hpp>
#include <bdh/step_report.hpp>

namespace bdh {

class weight_learner {
 public:
  virtual ~weight_learner() = default;

  virtual const learning& how() const noexcept = 0;
  virtual const hub_circuits& circuits() const noexcept = 0;  // as they are now
  virtual std::uint64_t tokens() const noexcept = 0;          // that taught

  // Whether a token was read from which something can be learned.
  virtual bool knows_token() const noexcept = 0;
  virtual void forget_token() noexcept = 0;

  // The rounds to come are those of this teacher, a readout node.
  virtual void teach(token_id next) noexcept = 0;
  // After them. Throws input_error naming the row and `position`, that of the token that learned,
  // where a weight is not finite any more.
  virtual learned_counts end(std::uint64_t position) = 0;

  virtual learning_state save() const = 0;
  // Null: weights are the model's own, and nothing is known of rows. Throws input_error or
  // shape_error where the state is that of other learning.
  virtual void restore(const learning_state* from) = 0;
  virtual std::size_t bytes() const noexcept = 0;
};

// Throws input_error or unavailable_error where a model cannot learn so.
void check(const learning& how, const model& m);

// Throws unavailable_error where the error of a token under this intervention would be that of
// another network.
void expect_learning_allowed(const intervention& p);

// What every rule lets change.
bool changes(learning_rule rule, learned_circuit what) noexcept;

// Throw input_error at `place` for what has no such name. `list`: "gx,gy,e", none left out between
// commas.
learning_rule learning_rule_named(std::string_view text, const std::string& place);
std::array<bool, learned_circuits> circuits_in(std::string_view list, const std::string& place);

// Of the circuits that change; the name of the rule, and so on: for messages and hashes.
std::string describe(const learning& how);
std::string circuit_list(const learning& how);  // "gx,gy,e,readout,embedding"

}  // namespace bdh
